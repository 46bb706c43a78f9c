"""Makes the settings of this process: the only reader of the environment, and of the files through `files`.

One precedence for every setting: environment, ``agentotel.toml``, ``[tool.agentotel]`` of ``pyproject.toml``,
default.
A value that cannot be used never stops anything: it becomes a `Problem`, and the default is used.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from agentotel._base.errors import printable
from agentotel.config.casting import written
from agentotel.config.files import SettingsFile, settings_files
from agentotel.config.settings import Settings
from agentotel.config.standard import SAMPLERS
from agentotel.config.variable import PREFIX, Variable
from agentotel.config.variables import VARIABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

ENVIRONMENT: Final = "environment"
DEFAULT: Final = "default"

_BY_NAME: Final = {variable.name: variable for variable in VARIABLES}
_BY_FILE_KEY: Final = {variable.file_key: variable for variable in VARIABLES if variable.file_key}


class Problem(NamedTuple):
    """A setting that could not be used, in the words in which it is told to the user.

    Attributes:
        setting: The variable, the key in a file, or the file itself.
        value: What was found, as one line with its secrets masked; None where it does not matter.
        expected: What would have been accepted, as a phrase.
        source: Where it came from: ``environment`` or the path of a file.
        instead: What is used now; None where there is nothing to use.
        key: The `Variable.key` of the setting; None where it is none of agentotel's.
    """

    setting: str
    value: str | None
    expected: str
    source: str
    instead: str | None = None
    key: str | None = None

    def __str__(self) -> str:
        """Return it as one line for a log or a terminal."""
        found = self.setting if self.value is None else f"{self.setting}={self.value}"
        end = f"; using the default {self.instead}" if self.instead else "; it is ignored"
        return f"{found} ({self.source}): expected {self.expected}{end}"


class Loaded(NamedTuple):
    """The settings, and how they came about.

    Attributes:
        settings: What the program is run with.
        problems: What could not be used.
        sources: Where each setting comes from, by `Variable.key`: ``environment``, the path of a file, the
            name of the variable that it falls back on, or ``default``.
        shown: The text that each setting was made from, by `Variable.key`, with its secrets masked.
    """

    settings: Settings
    problems: tuple[Problem, ...]
    sources: Mapping[str, str]
    shown: Mapping[str, str]

    @property
    def unusable(self) -> tuple[str, ...]:
        """The variables of OpenTelemetry that hold what cannot be used.

        The SDK reads them by itself, and raises for some: take them out of the environment before it starts.
        """
        found = (problem for problem in self.problems if problem.source == ENVIRONMENT)
        return tuple(problem.setting for problem in found if problem.setting.startswith("OTEL_"))


class _Found(NamedTuple):
    """A raw value, where it comes from, and the folder that a relative path in it is relative to."""

    raw: object
    source: str
    folder: Path


class _Value(NamedTuple):
    """A usable value, where it comes from, and the text that it was made from."""

    value: Any
    source: str
    text: str


def load_settings(environ: Mapping[str, str] | None = None, directory: Path | None = None) -> Settings:
    """Return the settings alone; see `load`."""
    return load(environ, directory).settings


def load(environ: Mapping[str, str] | None = None, directory: Path | None = None) -> Loaded:
    """Read all settings. Never raises for what the user wrote.

    Args:
        environ: The environment; that of the process where not given.
        directory: Where to look for the files; the working directory where not given.
    """
    environ = os.environ if environ is None else environ
    directory = directory or _working_directory()
    files = settings_files(directory) if directory.is_absolute() else ()
    loading = _Loading(environ, directory, files)
    for variable in VARIABLES:
        loading.take(variable)
    loading.check_batches()
    problems = (*loading.problems, *_unreadable(files), *_unknown_variables(environ), *_unknown_keys(files))
    fields = {variable.field: loading.values[variable.key] for variable in VARIABLES if variable.field}
    return Loaded(Settings(**fields), problems, loading.sources, loading.shown)


def _working_directory() -> Path:
    try:
        return Path.cwd()
    except OSError:  # it may have been deleted
        return Path()


class _Loading:
    """One run through the table, variable by variable."""

    def __init__(self, environ: Mapping[str, str], directory: Path, files: tuple[SettingsFile, ...]) -> None:
        self.values: dict[str, Any] = {}
        self.sources: dict[str, str] = {}
        self.shown: dict[str, str] = {}
        self.problems: list[Problem] = []
        self._environ = environ
        self._directory = directory
        self._files = files
        self._defaults = _defaults_of_this_process(environ)

    def take(self, variable: Variable) -> None:
        """Note the value of `variable`, where it comes from, and what is wrong with it."""
        found = list(self._found(variable))
        values = [self._cast(variable, one) for one in (found if variable.merged else found[:1])]
        usable = [value for value in values if value is not None]
        if not usable:
            self._take_default(variable)
        elif variable.merged:
            self._note(variable, _merged(usable))
        else:
            self._note(variable, usable[0])

    def check_batches(self) -> None:
        """Refuse batches larger than their queue: the SDK would raise, and export nothing."""
        for start in ("OTEL_BSP_", "OTEL_BLRP_"):
            queue, batch = _BY_NAME[f"{start}MAX_QUEUE_SIZE"], _BY_NAME[f"{start}MAX_EXPORT_BATCH_SIZE"]
            for blamed, bound, other in ((batch, "most", queue), (queue, "least", batch)):
                too_large = int(self.shown[batch.key]) > int(self.shown[queue.key])
                if too_large and self.sources[blamed.key] != DEFAULT:
                    expected = f"at {bound} {other.name} ({self.shown[other.key]})"
                    self._report(blamed, self.shown[blamed.key], self.sources[blamed.key], expected)
                    self._take_default(blamed)

    def _found(self, variable: Variable) -> Iterator[_Found]:
        """Yield what is said about `variable`, in the order of precedence."""
        text = self._environ.get(variable.name, "")
        if text.strip():
            yield _Found(text, ENVIRONMENT, self._directory)
        for file in self._files:
            raw = file.values.get(variable.file_key, "") if variable.file_key else ""
            if not isinstance(raw, str) or raw.strip():
                yield _Found(raw, str(file.path), file.path.parent)

    def _cast(self, variable: Variable, found: _Found) -> _Value | None:
        """Return what the user's words mean, or None where they cannot be used."""
        text = written(found.raw)
        if variable.name == "OTEL_TRACES_SAMPLER_ARG" and not self._sampler_takes_a_share():
            return _Value(text, found.source, text)
        raw = f"http://{text}" if self._is_address_for_grpc(variable, text) else found.raw
        try:
            value = variable.kind.cast(raw)
        except ValueError:
            self._report(variable, text, found.source, variable.kind.expected)
            return None
        return _Value(found.folder / value if isinstance(value, Path) else value, found.source, text)

    def _is_address_for_grpc(self, variable: Variable, text: str) -> bool:
        """Tell whether this is an endpoint without a scheme where gRPC is spoken, which takes ``host:port``."""
        if not variable.name.endswith("_ENDPOINT") or "://" in text:
            return False
        own = self._environ.get(variable.name.removesuffix("ENDPOINT") + "PROTOCOL", "").strip()
        return (own or self._environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", "").strip()) == "grpc"

    def _sampler_takes_a_share(self) -> bool:
        return self.values["OTEL_TRACES_SAMPLER"] in {None, *SAMPLERS}

    def _take_default(self, variable: Variable) -> None:
        if variable.fallback:
            other = _BY_NAME[variable.fallback]
            source = DEFAULT if self.sources[other.key] == DEFAULT else other.name
            self._note(variable, _Value(self.values[other.key], source, self.shown[other.key]))
            return
        text = self._default(variable)
        # What the SDK reads by itself, it has defaults for by itself.
        value = variable.kind.cast(text) if text and variable.field else variable.kind.empty
        self._note(variable, _Value(value, DEFAULT, text))

    def _default(self, variable: Variable) -> str:
        return self._defaults.get(variable.name, variable.default)

    def _note(self, variable: Variable, value: _Value) -> None:
        self.values[variable.key] = value.value
        self.sources[variable.key] = value.source
        self.shown[variable.key] = variable.shown(value.text)

    def _report(self, variable: Variable, text: str, source: str, expected: str) -> None:
        name = variable.name if source == ENVIRONMENT else variable.file_key or variable.name
        instead = self.shown[_BY_NAME[variable.fallback].key] if variable.fallback else self._default(variable)
        problem = Problem(name, variable.shown(text), expected, source, instead or None, variable.key)
        self.problems.append(problem)


def _merged(values: Sequence[_Value]) -> _Value:
    items = tuple(item for value in values for item in value.value)
    return _Value(items, ", ".join(value.source for value in values), "; ".join(value.text for value in values))


def _defaults_of_this_process(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the defaults that depend on where the program runs."""
    defaults = {"AGENTOTEL_DB": str(_state_folder(environ) / "agentotel" / "telemetry.db")}
    return defaults | ({"AGENTOTEL_STRICT": "on"} if environ.get("PYTEST_VERSION") else {})


def _state_folder(environ: Mapping[str, str]) -> Path:
    named = environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_STATE_HOME", "")
    if "\0" not in named and Path(named).is_absolute():
        return Path(named)
    return Path("~/Library/Application Support" if sys.platform == "darwin" else "~/.local/state")


def _unreadable(files: Iterable[SettingsFile]) -> Iterator[Problem]:
    for file in files:
        if file.error:
            yield Problem(file.path.name, None, printable(file.error, 400), str(file.path))


def _unknown_variables(environ: Mapping[str, str]) -> Iterator[Problem]:
    for name in sorted(environ):
        if name.upper().startswith(PREFIX) and name not in _BY_NAME:
            yield _unknown(name, name.upper(), ENVIRONMENT, (known for known in _BY_NAME if known.startswith(PREFIX)))


def _unknown_keys(files: Iterable[SettingsFile]) -> Iterator[Problem]:
    for file in files:
        for key in file.values:
            if key.upper() in _BY_NAME and not key.upper().startswith(PREFIX):
                yield Problem(key, None, f"{key.upper()} in the environment, where the SDK reads it", str(file.path))
            elif key not in _BY_FILE_KEY:
                yield _unknown(key, key.lower().replace("-", "_"), str(file.path), _BY_FILE_KEY)


def _unknown(name: str, similar_to: str, source: str, known: Iterable[str]) -> Problem:
    # Only whoever has misspelt a setting pays for the search.
    from difflib import get_close_matches  # noqa: PLC0415

    # The comparison takes quadratic time, and no setting has a name as long.
    matches = get_close_matches(similar_to[:100].removeprefix(PREFIX.lower()), known, n=1)
    meant = f"did you mean {matches[0]}?" if matches else "see `agentotel config` for all of them"
    return Problem(printable(name), None, f"the name of a setting ({meant})", source)
