"""Whether Grafana would show a dashboard: there is no program that checks one, so its shape is checked here."""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from agentotel.ops.kinds import Kind
from agentotel.ops.results import Check, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from agentotel.ops.folder import Folder

_UID: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")
_UID_IN_YAML: Final = re.compile(r"^\s*(?:-\s+)?uid:\s*[\"']?([\w-]+)", re.MULTILINE)
_BUILT_IN: Final = frozenset({"grafana", "-- Grafana --", "-- Mixed --", "-- Dashboard --", "__expr__"})
_REMOVED_TYPES: Final = frozenset({"graph", "singlestat", "table-old", "grafana-worldmap-panel"})


def checks(folder: Folder) -> Iterator[Check]:
    """Yield a check for each dashboard."""
    sources = frozenset(uid for name in folder.of(Kind.DATASOURCES) for uid in _UID_IN_YAML.findall(folder.texts[name]))
    documents = {name: _parsed(folder.texts[name]) for name in folder.dashboards()}
    for name in documents:
        yield Check(name, "dashboard", partial(_checked, name, documents, sources))


def problems(dashboard: object, sources: frozenset[str]) -> Iterator[str]:
    """Yield what is wrong with a dashboard.

    Args:
        dashboard: What stands in its file.
        sources: The uids of the data sources that are provisioned; where empty, they are not compared.
    """
    if not isinstance(dashboard, dict):
        yield "no dashboard: expected an object"
        return
    if "dashboard" in dashboard and "panels" not in dashboard:
        yield "this is what the HTTP API takes: of a file, Grafana reads only what stands inside of `dashboard`"
        return
    yield from _head(dashboard)
    panels = _panels(dashboard.get("panels"))
    yield from _ids(panels)
    for panel in panels:
        place = f"panel {panel.get('title') or panel.get('id')!r}"
        yield from (f"{place}: {problem}" for problem in _panel(panel))
    if sources:
        yield from _sources(dashboard, sources)


def _checked(name: str, documents: Mapping[str, object], sources: frozenset[str]) -> Outcome:
    found = list(problems(documents[name], sources))
    uid = _uid(documents[name])
    if uid:
        others = [other for other in documents if other != name and _uid(documents[other]) == uid]
        found += [f"uid {uid} is also that of {other}" for other in others]
    return Outcome("failed", "\n".join(found)) if found else Outcome("ok")


def _parsed(text: str) -> object:
    """Return what stands in a file; nothing for what is no JSON, which the check of its syntax explains."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _uid(dashboard: object) -> str:
    return str(dashboard.get("uid") or "") if isinstance(dashboard, dict) else ""


def _head(dashboard: Mapping[str, Any]) -> Iterator[str]:
    if not isinstance(dashboard.get("title"), str) or not dashboard["title"].strip():
        yield "it has no title"
    if not isinstance(dashboard.get("uid"), str) or not _UID.fullmatch(dashboard["uid"]):
        yield "expected a uid of at most 40 letters, digits, - and _: links lead to it"
    if not isinstance(dashboard.get("schemaVersion"), int):
        yield "it has no schemaVersion"
    if not isinstance(dashboard.get("panels"), list) or not dashboard["panels"]:
        yield "it has no panels"


def _panels(found: object) -> list[Mapping[str, Any]]:
    """Return all panels, those inside of rows included."""
    panels = [panel for panel in found if isinstance(panel, dict)] if isinstance(found, list) else []
    return [one for panel in panels for one in (panel, *_panels(panel.get("panels")))]


def _ids(panels: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    counts = Counter(panel["id"] for panel in panels if isinstance(panel.get("id"), int))
    yield from (f"{count} panels have the id {number}" for number, count in counts.items() if count > 1)


def _panel(panel: Mapping[str, Any]) -> Iterator[str]:
    kind = panel.get("type")
    if not isinstance(kind, str):
        yield "it has no type"
    elif kind in _REMOVED_TYPES:
        yield f"Grafana has no panels of type {kind} any more"
    targets = panel.get("targets")
    ids = [target.get("refId") for target in targets if isinstance(target, dict)] if isinstance(targets, list) else []
    if None in ids or len(set(map(str, ids))) < len(ids):
        yield "expected a refId for each query, none twice"


def _sources(dashboard: Mapping[str, Any], sources: frozenset[str]) -> Iterator[str]:
    variables = _variables(dashboard)
    for uid in sorted(set(_named_sources(dashboard))):
        variable = re.fullmatch(r"\$\{?(\w+)(?::\w+)?\}?", uid)
        if variable and variable[1] not in variables:
            yield f"it has no variable {variable[1]}, which is named as a data source"
        elif not variable and uid not in sources | _BUILT_IN:
            yield f"there is no data source {uid}: provisioned are {', '.join(sorted(sources))}"


def _variables(dashboard: Mapping[str, Any]) -> set[str]:
    templating = dashboard.get("templating")
    found = templating.get("list") if isinstance(templating, dict) else None
    return {str(one.get("name")) for one in found if isinstance(one, dict)} if isinstance(found, list) else set()


def _named_sources(part: object) -> Iterator[str]:
    """Yield the uids of data sources that a part of a dashboard names, wherever they stand in it."""
    pending = [part]
    while pending:
        one = pending.pop()
        if isinstance(one, dict):
            source = one.get("datasource")
            if isinstance(source, dict) and isinstance(source.get("uid"), str):
                yield source["uid"]
            pending += one.values()
        elif isinstance(one, list):
            pending += one
