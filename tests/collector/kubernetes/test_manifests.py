"""The Kubernetes manifests: valid by the schemas of Kubernetes, consistent with one another and the Collector."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

try:
    import tomllib
except ImportError:  # before Python 3.11
    import tomli as tomllib

kubernetes_validate = pytest.importorskip("kubernetes_validate", reason="the schemas of Kubernetes are not installed")

COLLECTOR = Path(__file__).parents[3] / "collector"
FOLDER = COLLECTOR / "kubernetes"
VERSIONS = ("1.31", "1.34", "1.37")
"""Oldest and newest Kubernetes against which all of it is checked, and one between."""


def documents(path):
    """Return the documents of a file."""
    return [document for document in yaml.safe_load_all(path.read_text(encoding="utf-8")) if document]


def kustomization(folder=COLLECTOR):
    """Return a kustomization."""
    return documents(folder / "kustomization.yaml")[0]


def resources():
    """Return all resources of the kustomization."""
    return [document for name in kustomization()["resources"] for document in documents(COLLECTOR / name)]


def resource(kind, name):
    """Return one resource."""
    return next(it for it in resources() if (it["kind"], it["metadata"]["name"]) == (kind, name))


WORKLOADS = (("DaemonSet", "otelcol-agent"), ("StatefulSet", "otelcol-gateway"))


def pod(kind, name):
    """Return the template of a workload's pods."""
    return resource(kind, name)["spec"]["template"]


def container(kind, name):
    """Return the one container of a workload."""
    (only,) = pod(kind, name)["spec"]["containers"]
    return only


@pytest.mark.parametrize("version", VERSIONS)
def test_resources_are_valid(version):
    """Each resource has only fields that this version of Kubernetes knows, of the right type."""
    everything = [*resources(), *documents(FOLDER / "several-gateways" / "disruption.yaml")]
    assert {it["kind"] for it in everything} >= {"DaemonSet", "StatefulSet", "Service", "NetworkPolicy", "Namespace"}
    for document in everything:
        kubernetes_validate.validate(document, version, strict=True)


@pytest.mark.parametrize(
    "break_it",
    [
        lambda it: it["spec"].update(replica=2),
        lambda it: it["spec"]["template"]["spec"]["containers"][0]["ports"][0].update(containerPort="4317"),
        lambda it: it["spec"].pop("selector"),
    ],
)
def test_the_check_finds_what_is_wrong(break_it):
    """An unknown field, a wrong type and a missing field are found."""
    broken = resource("StatefulSet", "otelcol-gateway")
    break_it(broken)
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, VERSIONS[-1], strict=True)


def test_every_file_is_used():
    """No manifest lies about unused, and the kustomization reads nothing above its own folder."""
    used = {
        *kustomization()["resources"],
        *(file for it in kustomization()["configMapGenerator"] for file in it["files"]),
    }
    assert all((COLLECTOR / name).is_file() and ".." not in name for name in used)
    assert {f"kubernetes/{path.name}" for path in FOLDER.glob("*.yaml")} <= used


def test_the_image_is_the_one_of_the_tests():
    """The Collector's version is the one that collector/versions.toml pins."""
    pinned = tomllib.loads((COLLECTOR / "versions.toml").read_text(encoding="utf-8"))["images"]["collector"]
    (image,) = kustomization()["images"]
    assert f"{image['name']}:{image['newTag']}" == pinned
    assert {container(*workload)["image"] for workload in WORKLOADS} == {image["name"]}
    assert documents(FOLDER / "operator" / "collector.yaml")[0]["spec"]["image"] == pinned


@pytest.mark.parametrize("workload", WORKLOADS)
def test_pods_have_no_more_rights_than_the_strictest_profile_gives(workload):
    """What the namespace enforces (Pod Security "restricted") holds, and nothing of the host is used."""
    spec, only = pod(*workload)["spec"], container(*workload)
    assert (
        resource("Namespace", "agentotel")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    )
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] == spec["securityContext"]["fsGroup"] == 10001
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert only["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
    assert all("hostPath" not in volume for volume in spec["volumes"])
    assert all("hostPort" not in port for port in only["ports"])
    assert spec["automountServiceAccountToken"] is False


@pytest.mark.parametrize("workload", WORKLOADS)
def test_pods_are_probed_and_bounded(workload):
    """Three probes ask the port of the health extension; memory has a limit above that of the memory limiter."""
    only = container(*workload)
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert only[probe]["httpGet"] == {"path": "/", "port": "health"}
    variables = {it["name"]: it["value"] for it in only["env"]}
    assert int(variables["OTELCOL_MEMORY_MIB"]) < mebibytes(only["resources"]["limits"]["memory"])
    assert set(only["resources"]["requests"]) >= {"cpu", "memory"}


def mebibytes(quantity):
    """Return a quantity such as ``2Gi`` in MiB."""
    number, unit = re.fullmatch(r"(\d+)(Mi|Gi)", quantity).groups()
    return int(number) * {"Mi": 1, "Gi": 1024}[unit]


@pytest.mark.parametrize(
    ("workload", "queues", "volume"),
    [
        (WORKLOADS[0], 3, lambda spec: spec["template"]["spec"]["volumes"][1]["emptyDir"]["sizeLimit"]),
        (WORKLOADS[1], 3, lambda spec: spec["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"]),
    ],
)
def test_full_queues_fit_on_their_volume(workload, queues, volume):
    """Traces, metrics and logs have a queue each: full, and twice as large on disk, they fit on the volume."""
    variables = {it["name"]: it["value"] for it in container(*workload)["env"]}
    assert 2 * queues * int(variables["OTELCOL_QUEUE_BYTES"]) / 1024**2 < mebibytes(volume(resource(*workload)["spec"]))


@pytest.mark.parametrize(
    ("workload", "files"),
    [(WORKLOADS[0], ["agent.yaml", "load-balancing.yaml"]), (WORKLOADS[1], ["gateway.yaml"])],
)
def test_configurations_fit_the_pods(workload, files):
    """A pod mounts the files that it starts with, and sets only variables that they read."""
    only = container(*workload)
    (generator,) = [it for it in kustomization()["configMapGenerator"] if it["name"] == workload[1]]
    assert [Path(file).name for file in generator["files"]] == files
    assert only["args"] == [f"--config=/etc/otelcol/{files[0]}"]
    (volume,) = [it for it in pod(*workload)["spec"]["volumes"] if "configMap" in it]
    assert volume["configMap"]["name"] == workload[1]
    read = {
        name
        for file in files
        for name in re.findall(r"\$\{env:(\w+)", (COLLECTOR / "otelcol" / file).read_text("utf-8"))
    }
    set_ones = {it["name"] for it in only["env"]} - {"GOMEMLIMIT"}
    assert set_ones <= read
    assert {"OTELCOL_HOST", "OTELCOL_STORAGE"} <= set_ones


def test_services_lead_to_ports_that_are_there():
    """Each service selects the pods of a workload and names ports of theirs."""
    pods = {name: pod(kind, name) for kind, name in WORKLOADS}
    services = [it for it in resources() if it["kind"] == "Service"]
    assert len(services) == 3
    for service in services:
        selected = pods[service["spec"]["selector"]["app.kubernetes.io/name"]]
        assert service["spec"]["selector"].items() <= selected["metadata"]["labels"].items()
        ports = {it["name"] for it in selected["spec"]["containers"][0]["ports"]}
        assert {it["targetPort"] for it in service["spec"]["ports"]} <= ports


def test_network_policies_name_ports_that_are_there():
    """A policy for a port that does not exist would let nothing through."""
    for policy in (it for it in resources() if it["kind"] == "NetworkPolicy"):
        name = policy["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/name"]
        kind = dict(map(reversed, WORKLOADS))[name]
        allowed = {port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]}
        assert allowed <= {it["name"] for it in container(kind, name)["ports"]}


def test_agents_reach_the_gateway_by_names_that_exist():
    """The addresses of the gateway are names of its services: any gateway, and one address for each."""
    variables = {it["name"]: it["value"] for it in container(*WORKLOADS[0])["env"]}
    assert resource("Service", variables["GATEWAY_ENDPOINT"].partition(":")[0])
    component = kustomization(FOLDER / "several-gateways")
    operations = yaml.safe_load(component["patches"][0]["patch"])
    hosts = next(it["value"]["value"] for it in operations if isinstance(it["value"], dict))
    assert resource("Service", hosts)["spec"]["clusterIP"] == "None"
    assert resource(*WORKLOADS[1])["spec"]["serviceName"] == hosts
    assert component["replicas"] == [{"name": WORKLOADS[1][1], "count": 3}]


def test_programs_send_to_the_agent_of_their_node():
    """The Operator's instrumentation names the agents' service, which never leads to another node."""
    endpoint = documents(FOLDER / "operator" / "instrumentation.yaml")[0]["spec"]["exporter"]["endpoint"]
    service = resource("Service", "otelcol-agent")
    assert endpoint == f"http://otelcol-agent.{kustomization()['namespace']}:4318"
    assert service["spec"]["internalTrafficPolicy"] == "Local"
