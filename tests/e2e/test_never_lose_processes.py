"""What child processes do arrives once, whatever starts and ends them; parent and child are told apart."""

from __future__ import annotations

import os
import signal

import pytest

from e2e.beside import Beside, ended, interrupted

pytestmark = [pytest.mark.e2e, pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")]

AGENT, CHAT, TOOL = "invoke_agent shop", "chat gpt-4o-mini", "execute_tool WaitTool"


@pytest.fixture
def beside(world):
    """Run programs with and without agentotel."""
    return Beside(world)


FORKED = """
    import os, sys, threading, warnings
    warnings.simplefilter("ignore")
    from shop import *
    def child():
        ShopAgent("child").chat(lambda: ask(OpenAI()))
    def fork(end):
        pid = os.fork()
        if pid == 0:
            child()
            end()
            return True
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        return False
    ShopAgent("before").chat()
"""

ENDS_OF_CHILDREN = {
    "sys.exit": ("fork(lambda: sys.exit(3))", "3\n"),
    "os._exit": ("fork(lambda: os._exit(4))", "4\n"),
    "the end of the program": ("fork(lambda: None) or print('parent')", "0\nparent\n"),
    "an exception": ("fork(lambda: 1 / 0)", "1\n"),
    "SIGTERM": ("fork(lambda: os.kill(os.getpid(), 15) or time.sleep(30))", "-15\n"),
}


@pytest.mark.parametrize(("code", "output"), ENDS_OF_CHILDREN.values(), ids=ENDS_OF_CHILDREN)
def test_a_forked_child_delivers_what_it_did_and_nothing_of_its_parent(beside, code, output):
    """Each run arrives once, from a process with an id of its own; the counters add up."""
    _, seen, _ = beside.run(FORKED + f"    {code}\n")
    assert seen == output
    assert beside.ends() == [ended(CHAT), ended("invoke_agent before"), ended("invoke_agent child")]
    instances = {span.name: span.origin.resource["service.instance.id"] for span in beside.spans()}
    assert instances["invoke_agent before"] != instances["invoke_agent child"]
    assert beside.count("agent.requests") == 2


def test_a_child_of_an_open_operation_belongs_to_it_and_leaves_its_end_to_the_parent(beside):
    """The child goes through the end of the run that it was forked in: the parent alone delivers that."""
    beside.run(
        """
        import os, warnings
        warnings.simplefilter("ignore")
        from shop import *
        def work():
            pid = os.fork()
            if pid == 0:
                return ShopAgent("child").chat()
            os.waitpid(pid, 0)
        ShopAgent().chat(work)
        """
    )
    assert beside.ends() == [ended("invoke_agent child"), ended(AGENT)]
    assert beside.count("agent.requests") == 2
    child, parent = beside.spans()
    assert (child.trace_id, child.parent_span_id) == (parent.trace_id, parent.span_id)


def test_a_child_that_a_thread_has_forked_ends(beside):
    """The thread's function returns in the child, and that is the end of the child."""
    beside.run(FORKED + "    threading.Thread(target=fork, args=[lambda: None]).start()\n")
    assert beside.ends() == [ended(CHAT), ended("invoke_agent before"), ended("invoke_agent child")]


WORKERS = """
    import multiprocessing, os, warnings
    from concurrent.futures import ProcessPoolExecutor
    from shop import *
    warnings.simplefilter("ignore")
    def work(number):
        return ShopAgent("child").chat(lambda: number)
    def main(context):
        {code}
    if __name__ == "__main__":
        main(multiprocessing.get_context({method!r}))
"""

# The launcher of opentelemetry-instrumentation 0.61 keeps child processes out by itself, unless they are forked.
METHODS = ["fork", *(pytest.param(method, marks=pytest.mark.newest) for method in ("spawn", "forkserver"))]

POOLS = {
    "Process": "for n in range(2): p = context.Process(target=work, args=[n]); p.start(); p.join(); print(p.exitcode)",
    "a Pool that is terminated": "with context.Pool(2) as pool: print(pool.map(work, range(4)))",
    "a Pool that is closed": "pool = context.Pool(2); print(pool.map(work, range(4))); pool.close(); pool.join()",
    "ProcessPoolExecutor": "print(list(ProcessPoolExecutor(2, mp_context=context).map(work, range(4))))",
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("code", POOLS.values(), ids=POOLS)
def test_workers_deliver_all_that_they_did(beside, code, method):
    """However the workers are started and ended."""
    beside.run(WORKERS.format(code=code, method=method))
    number = 2 if "Process(" in code else 4
    assert beside.ends() == [ended("invoke_agent child")] * number
    assert beside.count("agent.requests") == number


def test_a_worker_that_is_terminated_in_the_middle_delivers_what_is_open(beside):
    """`Process.terminate`: the parent sees the signal as exit code."""
    _, output, _ = beside.run(
        WORKERS.format(
            method="fork",
            code="p = context.Process(target=lambda: ShopAgent().chat(lambda: context.Event().wait(30) or begun)); "
            "p.start(); time.sleep(1); p.terminate(); p.join(); print(p.exitcode)",
        )
    )
    assert output == f"{-signal.SIGTERM}\n"
    assert beside.ends() == [interrupted(AGENT)]


@pytest.mark.newest
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_process_continues_the_trace_that_it_is_started_in(beside, method):
    """The worker's run is part of the run that has started the worker."""
    beside.run(
        WORKERS.format(
            method=method,
            code="ShopAgent().chat(lambda: (p := context.Process(target=work, args=[1])).start() or p.join())",
        )
    )
    child, parent = beside.spans()
    assert (child.trace_id, child.parent_span_id) == (parent.trace_id, parent.span_id)


def test_the_workers_of_a_pool_belong_to_nobody(beside):
    """A pool that was made during one run serves others after it."""
    beside.run(
        WORKERS.format(
            method="fork",
            code="pool = ShopAgent('first').chat(lambda: context.Pool(1)); print(pool.map(work, range(1))); "
            "pool.terminate(); pool.join()",
        )
    )
    child, first = beside.spans()
    assert child.trace_id != first.trace_id


@pytest.mark.newest
@pytest.mark.parametrize("environment", ["None", "dict(os.environ, MORE='1')"])
def test_a_program_that_is_started_continues_the_trace(beside, environment):
    """`subprocess` hands the trace and the ids on, in the environment that the child inherits or a copy of it."""
    (beside.folder / "child.py").write_text("from shop import *\nShopAgent('child').chat()\n")
    beside.run(f"""
        import agentotel, os, subprocess, sys
        from shop import *
        def work():
            given = {environment}
            before = None if given is None else dict(given)
            subprocess.run([sys.executable, "child.py"], env=given, check=True)
            assert given == before
        with agentotel.context(user_id="u7"):
            ShopAgent().chat(work)
    """)
    child, parent = beside.spans()
    assert (child.trace_id, child.parent_span_id) == (parent.trace_id, parent.span_id)
    assert child.attributes["user.id"] == "u7"
    assert child.attributes["request.id"] == parent.attributes["request.id"]


def test_an_environment_made_from_nothing_is_left_alone(beside):
    """A child that is to see nothing but what the program gives it sees nothing else."""
    beside.run("""
        import subprocess, sys
        from shop import *
        command = [sys.executable, "-c", "import os; print(sorted(set(os.environ) - {'LC_CTYPE'}))"]
        ShopAgent().chat(lambda: print(subprocess.run(command, env={"A": "1"}, stdout=-1, text=True).stdout))
    """)


def test_a_program_that_cannot_be_started_is_the_same_error(beside):
    """The traceback shows no frame of ours."""
    beside.run("import subprocess\nfrom shop import *\nShopAgent().chat(lambda: subprocess.run(['./nowhere']))\n")


def test_the_variables_of_whoever_started_the_program_are_its_parent(beside):
    """TRACEPARENT and BAGGAGE in the environment: the first run continues that trace."""
    trace, span = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    beside.settings = {"TRACEPARENT": f"00-{trace}-{span}-01", "BAGGAGE": "user.id=u8"}
    beside.run("from shop import *\nShopAgent().chat()\n")
    (seen,) = beside.spans()
    assert (seen.trace_id, seen.parent_span_id) == (trace, span)
    assert seen.attributes["user.id"] == "u8"
