"""The shipped files themselves: no secret inline, nothing unused, nothing missing."""

from __future__ import annotations

import re

import pytest
import yaml

from backend_programs import OPERATIONS

FOLDER = OPERATIONS / "alertmanager"
CONFIGURATION = (FOLDER / "alertmanager.yml").read_text(encoding="utf-8")
TEMPLATES = "".join(file.read_text(encoding="utf-8") for file in sorted((FOLDER / "templates").glob("*.tmpl")))
INLINE = {"api_url", "slack_api_url", "routing_key", "service_key", "url", "password", "token", "credentials"}


def entries(node: object, path: str = ""):
    """Every value of a YAML tree with the path of its keys."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from entries(value, f"{path}.{key}")
    elif isinstance(node, list):
        for value in node:
            yield from entries(value, path)
    else:
        yield path.lstrip("."), node


def settings() -> list[tuple[str, object]]:
    """Every value of the shipped file."""
    return list(entries(yaml.safe_load(CONFIGURATION)))


def test_no_secret_stands_in_the_file():
    """Addresses and keys of receivers are read from files, all of them in secrets/."""
    names = {path.rsplit(".", 1)[-1] for path, _ in settings()}
    assert not names & INLINE
    files = [value for path, value in settings() if path.endswith("_file")]
    assert files
    assert all(str(file).startswith("secrets/") for file in files)


def test_every_secret_is_explained_where_it_goes():
    """The table in secrets/ names each file that a receiver reads, and no other."""
    explained = re.findall(r"^\| `(\w+)` \|", (FOLDER / "secrets" / "README.md").read_text(), re.MULTILINE)
    wanted = [str(value).removeprefix("secrets/") for path, value in settings() if path.endswith("_file")]
    assert sorted(explained) == sorted(wanted)


def test_every_template_that_is_asked_for_is_there_and_used():
    """A misspelt name would make every message fail when it is sent; an unused one would rot."""
    defined = re.findall(r'\{\{-? define "([^"]+)"', TEMPLATES)
    used = re.findall(r'\{\{-? template "([^"]+)"', TEMPLATES + CONFIGURATION)
    assert len(defined) == len(set(defined))
    assert set(used) == set(defined)


def test_no_line_break_is_printed_as_two_characters():
    r"""A `\n` in single quotes reaches people as backslash and n; texts of several lines are templates."""
    assert r"\n" not in CONFIGURATION + TEMPLATES


def test_every_receiver_says_when_it_is_over_except_the_sign_of_life():
    """Resolved messages are on, by word, for people; for the dead man's switch they are off."""
    configured = {each["name"]: each for each in yaml.safe_load(CONFIGURATION)["receivers"]}
    resolved = {
        name: {target["send_resolved"] for kind in set(each) - {"name"} for target in each[kind]}
        for name, each in configured.items()
    }
    assert resolved == {"slack": {True}, "pager": {True}, "webhook": {True}, "dead-man": {False}}


@pytest.mark.parametrize("deprecated", ["match", "match_re", "source_match", "target_match", "service_key"])
def test_nothing_deprecated_is_used(deprecated):
    """Matchers in their present form only."""
    assert not [path for path, _ in settings() if deprecated in path.split(".")]


def test_the_sign_of_life_comes_every_minute():
    """An interval counts from the end of the last delivery and is looked at once per group interval."""
    (route,) = [each for each in yaml.safe_load(CONFIGURATION)["route"]["routes"] if each["receiver"] == "dead-man"]
    interval, repeat = (int(route[name].removesuffix("s")) for name in ("group_interval", "repeat_interval"))
    assert (repeat // interval + 1) * interval == 60
