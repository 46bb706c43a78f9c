"""Lets Kustomize build the manifests for Kubernetes, each component on what it adds to; no cluster is asked."""

from __future__ import annotations

import os.path
import re
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agentotel.ops.kinds import Kind
from agentotel.ops.programs import Program
from agentotel.ops.results import Check, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agentotel.ops.folder import Folder
    from agentotel.ops.programs import Programs

_KUSTOMIZE: Final = Program("kustomize", ("kustomize", "kubectl"), "install kubectl, or kustomize")
_COMPONENT: Final = re.compile(r"^kind:\s*[\"']?Component\b", re.MULTILINE)


def checks(folder: Folder, programs: Programs) -> Iterator[Check]:
    """Yield a check for each kustomization."""
    found = folder.of(Kind.KUSTOMIZATION)
    components = [name for name in found if _COMPONENT.search(folder.texts[name])]
    wholes = [name for name in found if name not in components]
    for name in wholes:
        yield Check(name, _KUSTOMIZE.name, partial(_built, folder, programs, Path(name).parent))
    for name in components:
        yield Check(name, _KUSTOMIZE.name, partial(_added, folder, programs, wholes, name))


def _added(folder: Folder, programs: Programs, wholes: Sequence[str], component: str) -> Outcome:
    """Build a component, which is nothing by itself, with each of the kustomizations until it fits one."""
    outcome = Outcome("not_checked", "there is no kustomization to which it could be added")
    for whole in wholes:
        outcome = _together(folder, programs, whole, component)
        if outcome.status != "failed":
            return outcome
    return outcome


def _together(folder: Folder, programs: Programs, whole: str, component: str) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="agentotel-ops-") as temporary:
        here, root = Path(temporary).resolve(), folder.path.resolve()
        # Kustomize takes no absolute paths.
        resource, part = (os.path.relpath((root / name).parent, here) for name in (whole, component))
        (here / "kustomization.yaml").write_text(
            f"resources: ['{resource}']\ncomponents: ['{part}']\n", encoding="utf-8"
        )
        return _built(folder, programs, here)


def _built(folder: Folder, programs: Programs, place: Path) -> Outcome:
    path = programs.usable(_KUSTOMIZE)
    if isinstance(path, Outcome):
        return path
    verb = "kustomize" if Path(path).name.startswith("kubectl") else "build"
    return programs.run([path, verb, str(folder.path / place)], folder.path).outcome
