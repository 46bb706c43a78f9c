"""Finds the programs that check configurations, and runs them with a time limit."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, NamedTuple

from agentotel.ops.results import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DEFAULT_TIMEOUT_S: Final = 60.0
_KEPT_BYTES: Final = 8000
_KEPT_LINES: Final = 30
_VERSION_TIMEOUT_S: Final = 15.0
_ESCAPES: Final = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_VERSION: Final = re.compile(r"version:?\s+v?(\d+)\.(\d+)")


class Program(NamedTuple):
    """A kind of program.

    Attributes:
        name: What it is called in results.
        executables: The names under which it may be installed, the best first.
        advice: How to get it.
        oldest: The first major version that understands what the pack has; 0 for any.
    """

    name: str
    executables: tuple[str, ...]
    advice: str
    oldest: int = 0


class Ended(NamedTuple):
    """A run of a program that has ended.

    Attributes:
        status: Its exit status; None if it could not be started, hung, or was killed.
        output: The end of what it wrote to stdout and stderr; for a run without a status, why there is none.
    """

    status: int | None
    output: str

    @property
    def outcome(self) -> Outcome:
        """What that says about the file: status 0 is well, another one is not, none says nothing."""
        if self.status is None:
            return Outcome("not_checked", self.output)
        return Outcome("failed", self.output or f"ended with status {self.status}") if self.status else Outcome("ok")


@dataclass(slots=True)
class Programs:
    """The programs of this machine.

    Owns state: what was found out about versions, so that each program is asked once.

    Attributes:
        folders: Where to look before the PATH.
        timeout_s: Seconds that one run may take.
    """

    folders: Sequence[Path] = ()
    timeout_s: float = DEFAULT_TIMEOUT_S
    _versions: dict[str, tuple[int, str]] = field(default_factory=dict)

    def find(self, program: Program) -> list[str]:
        """Return the paths of all executables of a program, the best first."""
        search = os.pathsep.join(str(folder) for folder in self.folders)
        places = [search, None] if search else [None]
        found = (shutil.which(name, path=place) for place in places for name in program.executables)
        return list(dict.fromkeys(str(Path(path).absolute()) for path in found if path))

    def usable(self, program: Program) -> str | Outcome:
        """Return the path of the program, or why it is of no use."""
        reasons = []
        for path in self.find(program):
            major, version = self._version(path)
            if not major or major >= program.oldest:
                return path
            reasons.append(f"{path} is version {version}, which is too old")
        return Outcome("not_checked", f"{'; '.join(reasons) or f'{program.name} was not found'}: {program.advice}")

    def run(self, command: Sequence[str], folder: Path, environ: Mapping[str, str] | None = None) -> Ended:
        """Run a program until it ends or its time is over.

        Args:
            command: Its path and arguments.
            folder: Where it runs.
            environ: Variables besides those of this process.
        """
        return _run(command, folder, environ or {}, self.timeout_s)

    def _version(self, path: str) -> tuple[int, str]:
        """Return the major version and the version of a program; 0 where it does not tell."""
        if path not in self._versions:
            ended = _run([path, "--version"], Path.cwd(), {}, min(self.timeout_s, _VERSION_TIMEOUT_S))
            match = _VERSION.search(ended.output) if ended.status == 0 else None
            self._versions[path] = (int(match[1]), f"{match[1]}.{match[2]}") if match else (0, "")
        return self._versions[path]


def _run(command: Sequence[str], folder: Path, environ: Mapping[str, str], timeout_s: float) -> Ended:
    # A file and no pipe: a process that the program leaves behind would hold a pipe open.
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(  # noqa: S603 - the user has asked for these programs, and no shell is involved
                command,
                cwd=folder,
                env={**os.environ, **environ},  # noqa: TID251 - a child's environment is that of its parent
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            return Ended(None, f"{command[0]} cannot be run: {error.strerror or error}")
        return _waited(process, output, timeout_s)


def _waited(process: subprocess.Popen[bytes], output: IO[bytes], timeout_s: float) -> Ended:
    name = Path(os.fsdecode(process.args[0])).name  # type: ignore[index,arg-type]  # it was started from a list
    try:
        status = process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        _kill(process)
        return Ended(None, f"{name} did not end within {timeout_s:g} s and was stopped; --timeout gives it longer")
    except BaseException:  # Ctrl-C: the program is in a session of its own and does not get it
        _kill(process)
        raise
    if status < 0:
        return Ended(None, f"{name} crashed: it was ended by {_signal_name(-status)}")
    return Ended(status, _tail(output))


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a program and what it has started."""
    with suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _tail(output: IO[bytes]) -> str:
    size = output.seek(0, os.SEEK_END)
    output.seek(max(0, size - _KEPT_BYTES))
    text = _ESCAPES.sub("", output.read().decode(errors="replace"))
    return "\n".join([line.rstrip() for line in text.splitlines() if line.strip()][-_KEPT_LINES:])
