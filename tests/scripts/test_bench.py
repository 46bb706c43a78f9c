"""Tests of what `scripts/bench` computes and of when it fails. The measurements themselves are not repeated here."""

import json
import subprocess
import sys
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from hypothesis import given
from hypothesis import strategies as st

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
sys.path.insert(0, str(SCRIPTS))

from benchmarks import __main__ as bench  # noqa: E402 - scripts are not on the path before
from benchmarks import (  # noqa: E402
    baseline,
    budget,
    children,
    counting,
    cpu,
    exiting,
    flushing,
    memory,
    page,
    ratios,
    startup,
)

positive = st.lists(st.floats(0.1, 1e6), min_size=1, max_size=20)


@given(positive)
def test_the_median_lies_between_the_quartiles(values):
    """A spread is ordered, and within the values that it came from (rounding aside)."""
    found = ratios.spread(values)
    assert found.low <= found.median <= found.high
    assert min(values) * 0.999999 <= found.low
    assert found.high <= max(values) * 1.000001


@given(positive, st.floats(1.0, 10.0))
def test_a_constant_factor_is_found_whatever_the_machine_drifts(bare, factor):
    """Values of one round are compared with one another, so a drift between rounds cancels out."""
    found = ratios.times_bare(bare, [value * factor for value in bare])
    assert found.median == pytest.approx(factor)
    assert found.high == pytest.approx(found.low)


def test_what_is_added_is_given_in_floors():
    """With a floor of 100 on top of bare, 250 more than bare is two and a half floors; the floor itself is one."""
    bare, floor, ours = [1000.0, 1200.0], [1100.0, 1300.0], [1250.0, 1450.0]
    assert ratios.added_in_floors(bare, floor, ours).median == pytest.approx(2.5)
    assert ratios.added_in_floors(bare, floor, floor).median == pytest.approx(1.0)


def test_a_floor_that_is_lost_in_the_noise_is_no_unit():
    """Where the floor was not clearly dearer than bare nothing is expressed in it."""
    assert ratios.added_in_floors([100.0, 100.0, 100.0], [90.0, 101.0, 103.0], [200.0, 200.0, 200.0]) is None


def test_the_figures_of_a_variant_are_compared_with_bare():
    """The table has a line per variant, with ratios where there is something to compare with."""
    cpu_us = {"bare": [100.0], "floor": [110.0], "ours": [105.0]}
    measured = {"W1": {variant: cpu.figures(cpu_us, cpu_us, variant) for variant in cpu_us}}
    assert measured["W1"]["ours"]["times_bare"].median == pytest.approx(1.05)
    assert measured["W1"]["ours"]["added_floors"].median == pytest.approx(0.5)
    assert "times_bare" not in measured["W1"]["bare"]
    assert [line.split(" | ")[1] for line in cpu.table(measured)[2:]] == ["bare", "floor", "ours"]


def counted(bytecodes, calls=1.5):
    """Return counts of one workload with these ratios."""
    counts = {"calls": 10, "bytecodes": 1000}
    return {
        "W1": {
            "bare": counts,
            "ours": counts,
            "times_bare": {"calls": calls, "bytecodes": bytecodes},
            "added_by_function": [],
        }
    }


@pytest.fixture
def recorded(tmp_path):
    """Return a baseline file with a ratio of 1.1 for this Python."""
    file = tmp_path / "baseline.json"
    baseline.record(file, baseline.this_python(), counted(1.1), page.versions())
    return file


@pytest.mark.parametrize(
    ("arguments", "failing"),
    [((1.1,), 0), ((1.132,), 0), ((1.134,), 1), ((1.1, 1.56), 1), ((2.0, 2.0), 2), ((1.0,), 0)],
)
def test_growth_above_three_percent_is_a_failure(recorded, arguments, failing):
    """Each ratio may grow by 3 % of what it was, and not more; shrinking is no failure."""
    entry = baseline.read(recorded, baseline.this_python())
    assert len(baseline.grown(entry, counted(*arguments))) == failing


def test_a_clear_gain_asks_for_a_new_baseline(recorded):
    """More than 3 % less is worth recording, else the gain could be lost again unnoticed."""
    entry = baseline.read(recorded, baseline.this_python())
    assert baseline.shrunk(entry, counted(1.0))
    assert not baseline.shrunk(entry, counted(1.08))


def test_counts_of_other_python_versions_are_kept(recorded):
    """One file holds the counts of every Python version that CI runs."""
    baseline.record(recorded, "3.99", counted(1.5), page.versions())
    assert set(json.loads(recorded.read_text())) == {baseline.this_python(), "3.99"}
    assert baseline.read(recorded, "3.99")["workloads"]["W1"]["times_bare"]["bytecodes"] == 1.5


@pytest.mark.parametrize(("ratio", "status"), [(1.1, 0), (1.2, 1)])
def test_the_status_says_whether_it_has_grown(recorded, monkeypatch, capsys, ratio, status):
    """``--compare`` ends with 1 above the limit and names the workload on standard error."""
    monkeypatch.setattr(bench.count, "measure", lambda workloads: counted(ratio))
    assert bench.main(["--count", "--compare", str(recorded)]) == status
    assert ("W1" in capsys.readouterr().err) is bool(status)


def test_a_workload_that_was_skipped_is_a_failure(recorded, monkeypatch, capsys):
    """What the baseline has and was asked for has to be counted: a framework that is not installed is no success."""
    monkeypatch.setattr(bench.count, "measure", lambda workloads: {})
    assert bench.main(["--count", "--compare", str(recorded)]) == 1
    assert "W1: not counted" in capsys.readouterr().err
    assert bench.main(["--count", "--compare", str(recorded), "--workload", "W2"]) == 0


def test_without_a_baseline_the_command_that_records_it_is_named(tmp_path, capsys):
    """A Python version that the file does not know is wrong use: status 2, without measuring."""
    assert bench.main(["--count", "--compare", str(tmp_path / "none.json")]) == 2
    assert f"scripts/bench --count --record {tmp_path / 'none.json'}" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--compare", "x.json"],
        ["--count", "--startup"],
        ["--count", "--compare", "x", "--record", "y"],
        ["--rounds", "0"],
        ["--workload", "W9"],
    ],
)
def test_wrong_arguments_are_wrong_use(arguments, capsys):
    """What makes no sense together ends with status 2 and a message."""
    with pytest.raises(SystemExit) as ended:
        bench.main(arguments)
    assert ended.value.code == 2
    assert "error" in capsys.readouterr().err


def test_counts_repeat_exactly_and_know_nothing_of_other_threads():
    """The same operation has the same count, and one more iteration adds the same number again and again."""

    def loop(times):
        return lambda: [len(str(number)) for number in range(times)] and None

    counts = [counting.count(loop(times)).bytecodes.total() for times in (10, 11, 12, 10)]
    assert counts[1] - counts[0] == counts[2] - counts[1] > 0
    assert counts[0] == counts[3]


def test_start_up_fails_for_a_framework_or_too_much_cpu():
    """Both limits are reported, each in a line; a module that merely looks like a framework is none."""
    assert startup.frameworks_in(["openai", "openai.types", "openaiish", "json", "google.protobuf"]) == [
        "openai",
        "openai.types",
    ]
    fast = {"yardstick_s": startup.YARDSTICK_S / 2}
    assert startup.problems({"added_s": 0.59, "imported": [], **fast}) == []
    assert len(startup.problems({"added_s": 0.61, "imported": ["openai"], **fast})) == 2


def test_a_slower_machine_may_need_more_for_a_start():
    """As much more as the yardstick, which was measured in the same run, needs there."""
    slow = {"yardstick_s": startup.YARDSTICK_S * 1.5, "imported": []}
    assert startup.problems({"added_s": 0.89, **slow}) == []
    assert startup.problems({"added_s": 0.91, **slow}) == [
        "the launcher adds 0.91 s of CPU to bare Python; at most 0.90 s"
    ]


def test_children_see_no_settings_of_the_shell():
    """What is measured does not depend on the telemetry settings of whoever runs it."""
    environment = children.environment("http://127.0.0.1:9")
    assert environment["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://127.0.0.1:9"
    assert "PYTHONDONTWRITEBYTECODE" not in environment
    assert environment["PATH"].startswith(str(Path(sys.executable).parent))


def test_the_sink_counts_by_sender_and_ends_with_its_input():
    """A request is answered with 200 and counted for the first part of its path; closing the input ends the process."""
    with children.sink() as url:
        with urlopen(Request(f"{url}/ours/v1/metrics", data=b"four")) as answer:
            assert answer.status == 200
        assert children.received(url) == {"ours": {"requests": 1, "bytes": 4}}


def test_a_worker_does_what_it_is_told_and_reports_cpu():
    """The bare program does real model calls, agent runs and streams, and says what they cost."""
    with children.sink() as url, children.worker("bare", url) as worker:
        for workload in ("W1", "W2", "W4"):
            assert worker.ask(f"run {workload} 2")["cpu_s"] > 0
        assert children.received(url) == {}


@pytest.mark.parametrize("variant", ["floor", "ours"])
def test_one_span_per_operation_arrives(variant):
    """The telemetry is complete after each chunk: 1 span for a model call or a stream, 4 for an agent run."""
    with children.sink() as url, children.worker(variant, url) as worker:
        for workload in ("W1", "W2", "W4"):
            worker.measured(f"run {workload} 2")
        assert children.received(url)[variant]["spans"] == 2 * (1 + 4 + 1)


@pytest.mark.parametrize(("workload", "module"), [("W3", "langchain"), ("W5", "agents")])
def test_an_agent_on_a_framework_is_four_spans(workload, module):
    """As an agent of one's own: the run, two model calls and a tool."""
    pytest.importorskip(module)
    with children.sink() as url, children.worker("ours", url) as worker:
        worker.measured(f"run {workload} 2")
        assert children.received(url)["ours"]["spans"] == 2 * cpu.SPANS[workload]


def test_errors_of_our_own_are_no_figures(monkeypatch):
    """Where agentotel has skipped something the figures would be too low: an error says so."""
    with children.worker("bare", children.NOWHERE) as worker:
        monkeypatch.setattr(worker, "ask", lambda line: {"errors": {"openai.request": 1}})
        with pytest.raises(children.MeasurementError, match=r"openai\.request"):
            worker.measured("run W1 1")


def test_each_line_of_the_budget_says_whether_it_is_reached():
    """A figure at the limit is within it; one that was lost in the noise is not shown as reached."""
    lines = [
        budget.Line("a", 1.05, 1.05, "x bare"),
        budget.Line("b", 3.1, 3.0, "s"),
        budget.Line("c", None, 1.0, "floors"),
    ]
    assert [line.rsplit(" | ", 1)[1] for line in budget.table(iter(lines))[2:]] == ["yes |", "no |", "no |"]
    (line,) = budget.of_count(counted(1.04))
    assert line.is_reached
    (line,) = budget.of_startup({"added_s": 0.7, "yardstick_s": startup.YARDSTICK_S * 1.5})
    assert (line.measured, line.most, line.is_reached) == (0.7, 0.9, True)
    assert [line.what for line in budget.of_exit({"refuses connections": {"ours": 1.0}})] == [
        "exit, the Collector refuses connections"
    ]


def test_memory_is_compared_with_the_bare_program():
    """What a dead Collector costs is the growth on top of what the program itself needs."""
    measured = memory.measure(("bare",), operations=20)
    assert set(measured) == set(exiting.DEAD)
    assert all(abs(found["bare"]) < 50 for found in measured.values())
    assert len(memory.table(measured)) == 2 + len(measured)


def test_a_worker_that_has_died_is_named():
    """A worker that ends in the middle gives an error with its status, not a hang or a broken pipe."""
    with children.worker("bare", children.NOWHERE) as worker:
        worker.process.kill()
        worker.process.wait()
        with pytest.raises(children.MeasurementError, match="status -9"):
            worker.ask("run W1 1")


def test_a_flush_that_did_not_happen_is_an_error():
    """What stays in a queue is exported outside of the measurement, so the figure would be too low."""

    class Provider:
        answer = True

        def force_flush(self):
            return self.answer

    provider = Provider()
    flush = flushing.flush_all([provider])
    flush()
    provider.answer = False
    with pytest.raises(RuntimeError, match="has not flushed everything"):
        flush()
    with pytest.raises(RuntimeError, match="object cannot be flushed"):
        flushing.flush_all([object()])


@pytest.mark.parametrize(("rounds", "shares"), [(15, [3, 3, 3, 3, 3]), (7, [1, 1, 2, 1, 2]), (2, [1, 1])])
def test_the_rounds_are_spread_over_processes(monkeypatch, rounds, shares):
    """Two processes of one program differ as long as they live: a figure is the median over several of each."""
    asked = []

    def in_processes(workloads, share, variants):
        asked.append(share)
        return {"W1": {"bare": [(100.0, 50.0)] * share, "ours": [(100.0 + len(asked), 60.0)] * share}}

    monkeypatch.setattr(cpu, "_measure_in_processes", in_processes)
    measured = cpu.measure(["W1"], rounds, ("bare", "ours"))["W1"]
    assert asked == shares
    assert measured["bare"]["cpu_us"].median == 100.0
    assert measured["ours"]["added_caller_us"].median == 10.0
    assert measured["ours"]["times_bare"].low < measured["ours"]["times_bare"].high


def test_lost_spans_are_no_figures(monkeypatch):
    """Where the sink has not received what was made there is an error instead of a table."""
    monkeypatch.setitem(cpu.CHUNK, "W1", 2)
    monkeypatch.setitem(cpu.SPANS, "W1", 9)
    with pytest.raises(children.MeasurementError, match="floor made 36 spans and the sink has received 4"):
        cpu.measure(["W1"], 1, ("bare", "floor"))


def test_a_child_that_fails_ends_with_a_message(monkeypatch, capsys):
    """No traceback: the status is 1 and the message says which child has failed."""
    monkeypatch.setattr(bench.cpu.measure, "__defaults__", (("none",),))
    assert bench.main(["--workload", "W1", "--rounds", "1"]) == 1
    assert "benchmarks.worker', 'none'] ended early" in capsys.readouterr().err


@pytest.mark.parametrize("collector", exiting.DEAD.values(), ids=exiting.DEAD.keys())
def test_a_dead_collector_answers_nothing(collector):
    """Both kinds of dead Collector fail a request, by refusal or by silence."""
    with collector() as endpoint, pytest.raises(OSError, match=r"refused|timed out"):
        urlopen(endpoint, timeout=0.2)


def test_a_table_replaces_the_one_in_the_page(tmp_path):
    """Only what stands between the marks of a block changes; a page without them is an error."""
    file = tmp_path / "page.md"
    file.write_text("before\n<!-- bench: cpu -->\nold\n<!-- /bench -->\nafter\n")
    page.insert(file, "cpu", ["| new |"])
    text = file.read_text()
    assert text.startswith("before\n<!-- bench: cpu -->\nMeasured on ")
    assert text.endswith("| new |\n<!-- /bench -->\nafter\n")
    assert "old" not in text
    with pytest.raises(ValueError, match="count"):
        page.insert(file, "count", [])


def test_help_has_examples():
    """``scripts/bench --help`` works without an environment of its own and shows how it is used."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--help"], cwd=SCRIPTS, capture_output=True, text=True, check=True
    )
    assert "scripts/bench --count --compare scripts/bench-baseline.json" in done.stdout
