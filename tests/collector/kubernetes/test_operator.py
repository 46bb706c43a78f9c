"""The Operator's resources, against the schemas of its own custom resource definitions."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")

pytestmark = pytest.mark.backends

OPERATOR = "github.com/open-telemetry/opentelemetry-operator@v0.148.0"
FOLDER = Path(__file__).parents[3] / "collector" / "kubernetes" / "operator"


@pytest.fixture(scope="module")
def definitions(tmp_path_factory):
    """Return the Operator's definitions by kind, as its Go module holds them; Go keeps it in its own cache."""
    if shutil.which("go") is None:
        pytest.skip("Go is not installed: the Operator's definitions come as a Go module")
    done = subprocess.run(
        ["go", "mod", "download", "-json", OPERATOR],
        cwd=tmp_path_factory.mktemp("go"), env={**os.environ, "GOFLAGS": ""},
        capture_output=True, text=True, timeout=110,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    folder = Path(json.loads(done.stdout)["Dir"], "config", "crd", "bases")
    found = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in folder.glob("*.yaml")]
    return {definition["spec"]["names"]["kind"]: definition["spec"] for definition in found}


def schema(definitions, document):
    """Return the schema of a document's kind and version, in which unknown fields are errors as in Kubernetes."""
    definition = definitions[document["kind"]]
    group, version = document["apiVersion"].split("/")
    assert group == definition["group"]
    (found,) = [it for it in definition["versions"] if it["name"] == version]
    assert found["served"]
    return _closed(found["schema"]["openAPIV3Schema"])


def _closed(node):
    """Return a schema that allows no other properties than it names, where it names any."""
    if isinstance(node, list):
        return [_closed(it) for it in node]
    if not isinstance(node, dict):
        return node
    closed = {key: _closed(value) for key, value in node.items()}
    is_open = node.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in node
    if isinstance(node.get("properties"), dict) and node.get("type") == "object" and not is_open:
        closed["additionalProperties"] = False
    if node.get("x-kubernetes-int-or-string"):
        closed.pop("type", None)
    return closed


def check(definitions, document):
    """Validate a document; metadata belongs to Kubernetes itself."""
    described = schema(definitions, document)
    described["properties"]["metadata"] = {"type": "object"}
    jsonschema.Draft202012Validator(described).validate(document)


def resource(name):
    """Return the resource of a file."""
    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["instrumentation.yaml", "collector.yaml"])
def test_resources_are_valid(definitions, name):
    """The Operator's own definitions accept the resources, without a field that they do not know."""
    check(definitions, resource(name))


@pytest.mark.parametrize(
    ("name", "break_it"),
    [
        ("instrumentation.yaml", lambda spec: spec.update(exporters={})),
        ("instrumentation.yaml", lambda spec: spec["sampler"].update(type="always")),
        ("collector.yaml", lambda spec: spec.pop("config")),
        ("collector.yaml", lambda spec: spec.update(mode="side-car")),
    ],
)
def test_the_check_finds_what_is_wrong(definitions, name, break_it):
    """An unknown field, a value that is none of those allowed and a missing field are found."""
    broken = resource(name)
    break_it(broken["spec"])
    with pytest.raises(jsonschema.ValidationError):
        check(definitions, broken)
