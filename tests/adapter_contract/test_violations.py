"""The contract notices when it is broken: by a recipe that states something else, by a program that misbehaves."""

from __future__ import annotations

import logging
import unittest
from dataclasses import replace

import pytest
from opentelemetry import context, trace

from adapter_contract import AdapterContract, Node
from adapter_contract.toy_recipe import CHAT, RECIPE, TREE, run
from agentotel import patching
from agentotel._base import failopen

MODEL_NODE, TOOL_NODE = Node("model", CHAT), Node("tool", "execute_tool get_weather")


def broken(test, recipe, *arguments):
    """Run one test of the contract over a recipe; return what it says is wrong."""
    contract = type("Broken", (AdapterContract,), {"recipe": recipe})
    contract.setup_class()
    try:
        with pytest.raises(AssertionError) as found:
            getattr(contract(), test)(*arguments)
    finally:
        contract.teardown_class()
    return str(found.value)


WRONG_STATEMENTS = [
    ("test_a_run_is_one_trace_with_the_expected_tree", {"tree": replace(TREE, span="invoke_agent other")}),
    ("test_a_run_is_one_trace_with_the_expected_tree", {"tree": replace(TREE, children=(MODEL_NODE, TOOL_NODE))}),
    (
        "test_a_run_is_one_trace_with_the_expected_tree",
        {"tree": replace(TREE, children=(TOOL_NODE, MODEL_NODE, MODEL_NODE))},
    ),
    ("test_a_run_is_one_trace_with_the_expected_tree", {"tree": replace(TREE, attributes={"gen_ai.agent.name": "b"})}),
    ("test_tokens_are_exact_on_the_spans", {"input_tokens": 131}),
    ("test_tokens_are_exact_on_the_spans", {"output_tokens": 22}),
    ("test_tokens_are_exact_on_the_spans", {"cached_tokens": 0}),
    ("test_tokens_are_exact_in_both_families_of_metrics", {"input_tokens": 131}),
    ("test_tokens_are_exact_in_both_families_of_metrics", {"model_calls": 1}),
    ("test_cost_is_exact_and_counted_once", {"output_tokens": 22}),
    ("test_cost_is_exact_and_counted_once", {"cached_tokens": 0}),
    ("test_calls_are_counted_once", {"model_calls": 1}),
    ("test_a_tool_that_raises_is_one_failed_tool_call", {"failed_tool": False}),
    ("test_a_tool_that_raises_is_one_failed_tool_call", {"tool_error_type": "KeyError"}),
    ("test_a_tool_that_raises_is_one_failed_tool_call", {"tool_error_reaches_user": True}),
]


@pytest.mark.parametrize(("test", "statement"), WRONG_STATEMENTS)
def test_a_recipe_that_states_something_else_fails(test, statement):
    """Numbers, names, kinds and order are compared with what was found."""
    assert broken(test, replace(RECIPE, **statement), "run")


def test_a_wrong_tree_is_shown_beside_the_one_that_was_found():
    """Whoever reads the failure sees both trees."""
    message = broken(
        "test_a_run_is_one_trace_with_the_expected_tree",
        replace(RECIPE, tree=replace(TREE, children=(MODEL_NODE, MODEL_NODE))),
        "run",
    )
    assert "found:\nagent: invoke_agent toy\n   model: chat gpt-5-mini\n   tool: execute_tool get_weather" in message
    assert "expected:\nagent: invoke_agent toy\n   model: chat gpt-5-mini\n   model: chat gpt-5-mini" in message


def _is_observed():
    return patching.observer() is not None


def loses_its_conversation(scene):
    """Run without telling the library of the conversation."""
    return run(replace(scene, conversation=None))


def leaves_a_span_current(scene):
    """Run, and leave something in the context."""
    context.attach(trace.set_span_in_context(trace.NonRecordingSpan(trace.INVALID_SPAN_CONTEXT)))
    return run(scene)


def starts_a_second_trace(scene):
    """Run with a span of another trace beside."""
    trace.get_tracer("other").start_span("another root", context.Context()).end()
    return run(scene)


def leaves_a_span_open(scene):
    """Run with a span that is never ended."""
    trace.get_tracer("other").start_span("for ever")
    return run(scene)


def complains(scene):
    """Run, and let OpenTelemetry log an error."""
    logging.getLogger("opentelemetry.context").error("Failed to detach context")
    return run(scene)


def fails_inside_of_us(scene):
    """Run, and let something of ours fail unseen."""
    failopen.report("somewhere", ValueError("wrong"))
    return run(scene)


def answers_otherwise_when_observed(scene):
    """Run, and say something else when observed."""
    return run(scene) + ("!" if _is_observed() else "")


def tells_what_it_was_asked(scene):
    """Run, and put content where it does not belong."""
    trace.get_tracer("other").start_span(scene.question).end()
    return run(scene)


def breaks_when_we_fail(scene):
    """Run, and show errors of ours to the user."""
    return run(scene) + str(failopen.errors() or "")


def mixes_runs(scene):
    """Run, with another run's city in the trace."""
    return run(replace(scene, conversation="talk-Oslo"))


MISBEHAVIOUR = [
    (loses_its_conversation, "test_all_spans_of_a_run_carry_the_conversation", ()),
    (leaves_a_span_current, "test_the_programs_own_span_stays_the_current_one", ()),
    (starts_a_second_trace, "test_a_run_is_one_trace_with_the_expected_tree", ()),
    (leaves_a_span_open, "test_a_run_is_one_trace_with_the_expected_tree", ()),
    (complains, "test_a_run_is_one_trace_with_the_expected_tree", ()),
    (fails_inside_of_us, "test_a_run_is_one_trace_with_the_expected_tree", ()),
    (answers_otherwise_when_observed, "test_the_user_gets_what_he_gets_without_observing", ()),
    (tells_what_it_was_asked, "test_no_content_is_recorded_while_it_is_off", ()),
    (breaks_when_we_fail, "test_an_error_in_any_guarded_place_changes_nothing", ()),
    (breaks_when_we_fail, "test_an_error_in_any_method_of_a_recording_changes_nothing", ()),
    (breaks_when_we_fail, "test_a_program_survives_all_errors_at_once", ()),
    (mixes_runs, "test_runs_side_by_side_do_not_mix", (2,)),
]


@pytest.mark.parametrize(("program", "test", "arguments"), MISBEHAVIOUR)
def test_a_program_that_misbehaves_fails(program, test, arguments):
    """What must never be seen is looked for, and found where it is."""
    saved = context.get_current()
    try:
        assert broken(test, replace(RECIPE, run=program), "run", *arguments)
    finally:
        context.attach(saved)


def test_a_test_that_is_about_nothing_in_the_recipe_is_not_there():
    """A recipe without streams and tools has no tests of them."""
    recipe = replace(RECIPE, stream=None, astream=None, tree=MODEL_NODE, has_conversation=False)
    contract = type("Small", (AdapterContract,), {"recipe": recipe})
    assert contract.test_a_stream_that_is_dropped_is_ended is None
    assert contract.test_a_tool_that_raises_is_one_failed_tool_call is None
    assert contract.test_all_spans_of_a_run_carry_the_conversation is None
    assert contract.test_a_run_is_one_trace_with_the_expected_tree is not None


def test_what_a_recipe_skips_is_skipped_with_its_reason():
    """The reason is what the report of the tests shows."""
    name = "test_calls_are_counted_once"
    contract = type("Skipping", (AdapterContract,), {"recipe": replace(RECIPE, skip={name: "it cannot count"})})
    with pytest.raises(unittest.SkipTest, match="it cannot count"):
        contract().test_calls_are_counted_once()


def test_a_recipe_cannot_skip_what_is_no_test():
    """A misspelt name would skip nothing and say nothing."""
    with pytest.raises(TypeError, match="test_nothing"):
        type("Misspelt", (AdapterContract,), {"recipe": replace(RECIPE, skip={"test_nothing": "?"})})
