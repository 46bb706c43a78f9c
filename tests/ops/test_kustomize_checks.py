"""Manifests for Kubernetes are built, wholes alone and components on a whole."""

from __future__ import annotations

import shutil

import pytest

from agentotel.ops import kustomize_checks
from agentotel.ops.folder import read
from agentotel.ops.programs import Programs
from agentotel.ops.results import perform

WHOLE = "kind: Kustomization\nresources: [space.yaml]\n"
SPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {name: agents}\n"
COMPONENT = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches:\n  - {path: more.yaml}\n"
PATCH = "apiVersion: v1\nkind: Namespace\nmetadata: {name: NAME, labels: {more: 'yes'}}\n"


@pytest.fixture
def results(tool):
    """Check a folder with the programs that the test has made."""

    def check(folder):
        programs = Programs([tool("unused").parent], timeout_s=60)
        return {result.file: result for result in map(perform, kustomize_checks.checks(read(folder), programs))}

    return check


@pytest.mark.parametrize(("program", "call"), [("kustomize", "build {folder}"), ("kubectl", "kustomize {folder}")])
def test_a_kustomization_is_built(results, tool, written, alone, program, call):
    """By Kustomize, alone or in kubectl; nothing is sent to a cluster."""
    path = tool(program)
    folder = written(**{"kubernetes/kustomization.yaml": WHOLE})
    assert results(folder)["kubernetes/kustomization.yaml"].status == "ok"
    last = path.with_name(f"{program}.calls").read_text().splitlines()[-1]
    assert last == call.format(folder=folder / "kubernetes")


def test_without_a_program_nothing_is_known(results, written, alone):
    """The user hears which one to install."""
    found = results(written(**{"kustomization.yaml": WHOLE, "part/kustomization.yaml": COMPONENT}))
    assert {result.status for result in found.values()} == {"not_checked"}
    assert "install kubectl" in found["kustomization.yaml"].message


def test_a_component_alone_is_not_checked(results, written, alone):
    """There is nothing that it could be added to."""
    found = results(written(**{"part/kustomization.yaml": COMPONENT}))
    assert "no kustomization" in found["part/kustomization.yaml"].message


@pytest.mark.skipif(
    shutil.which("kubectl") is None and shutil.which("kustomize") is None, reason="needs kubectl or kustomize"
)
@pytest.mark.parametrize(("name", "status"), [("agents", "ok"), ("nobody", "failed")])
def test_a_component_is_built_on_what_it_adds_to(results, written, name, status):
    """By the real program: a patch of something that is not there is found."""
    found = results(written(**{
        "kustomization.yaml": WHOLE,
        "space.yaml": SPACE,
        "part/kustomization.yaml": COMPONENT,
        "part/more.yaml": PATCH.replace("NAME", name),
    }))  # fmt: skip
    assert found["kustomization.yaml"].status == "ok"
    assert found["part/kustomization.yaml"].status == status, found
