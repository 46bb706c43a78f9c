"""A model call that several layers see."""

from __future__ import annotations

from agentotel.model.operations import AgentRun, ModelCall, Usage
from agentotel.telemetry.inner_recording import InnerRecording
from telemetry.bare_recordings import recording


def layers(*operations):
    """Return the recordings of one call as several layers see it, from the outside in."""
    made = [recording(operations[0])[0]]
    for operation in operations[1:]:
        inner, _ = recording(operation, made[-1], InnerRecording)
        made[-1].inner = inner
        made.append(inner)
    return made


def test_all_layers_around_hear_what_the_innermost_knows():
    """Three layers of one call: the lowest one's tokens and pieces reach the middle and the top."""
    top, middle, bottom = layers(ModelCall(), ModelCall(), ModelCall(usage=Usage(input_tokens=5)))
    bottom.chunk()
    bottom.chunk()
    assert bottom.layers() == [middle, top]
    bottom.merge()
    for layer in (middle, top):
        assert layer.operation.usage == Usage(input_tokens=5)
        assert layer.time_per_chunk() == bottom.time_per_chunk()


def test_what_lies_around_the_call_is_not_a_layer_of_it():
    """A run around the call hears nothing."""
    run, _ = recording(AgentRun())
    top, _ = recording(ModelCall(), run)
    bottom, _ = recording(ModelCall(), top, InnerRecording)
    assert bottom.layers() == [top]


def test_pieces_that_the_outer_layer_saw_itself_stand():
    """The user saw the outer layer's pieces: their times are not replaced."""
    top, bottom = layers(ModelCall(), ModelCall())
    bottom.chunk()
    bottom.chunk()
    top.chunk()
    bottom.merge()
    assert top.time_per_chunk() is None
