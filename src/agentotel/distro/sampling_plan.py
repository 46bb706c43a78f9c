"""What the SDK's own samplers decide without looking at a span: found out once, not for each span."""
# ruff: noqa: SLF001 - the SDK's samplers say nowhere else what they do

from __future__ import annotations

from typing import Any, Final, NamedTuple

from opentelemetry.sdk.trace.sampling import Decision, ParentBased, StaticSampler


class Plan(NamedTuple):
    """What a sampler decides whatever the span is called and has for attributes; None where it has to be asked.

    Attributes:
        sampler: From which this was made.
        root: For spans without a parent.
        remote: For spans whose parent is in another process, by whether that is sampled.
        local: For those whose parent is in this one.
    """

    sampler: Any = None
    root: Decision | None = None
    remote: tuple[Decision | None, Decision | None] = (None, None)
    local: tuple[Decision | None, Decision | None] = (None, None)


NO_PLAN: Final = Plan()
"""Before a sampler was looked at."""


def plan_of(sampler: Any) -> Plan:
    """Return what `sampler` decides anyway. Samplers that are not the SDK's have to be asked each time."""
    if type(sampler).should_sample is not ParentBased.should_sample:
        decision = _decision(sampler)
        return Plan(sampler, decision, (decision, decision), (decision, decision))
    return Plan(
        sampler,
        _decision(sampler._root),
        (_decision(sampler._remote_parent_not_sampled), _decision(sampler._remote_parent_sampled)),
        (_decision(sampler._local_parent_not_sampled), _decision(sampler._local_parent_sampled)),
    )


def _decision(sampler: Any) -> Decision | None:
    if type(sampler).should_sample is not StaticSampler.should_sample:
        return None
    decision: Decision = sampler._decision
    return decision
