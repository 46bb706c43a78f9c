"""Runs that happen at the same time do not mix."""

from __future__ import annotations

from typing import Any

from adapter_contract.playing import play_together
from adapter_contract.promises.base import Promises
from adapter_contract.tree import Found, assert_tree

CITIES = ("Bern", "Oslo", "Lima", "Cairo", "Quito", "Seoul", "Tunis", "Delhi")


class KeepsRunsApart(Promises):
    """Runs in threads, and as tasks of one event loop."""

    def pytest_generate_tests(self, metafunc: Any) -> None:
        """Run what is about a number of runs with two and with eight of them."""
        super().pytest_generate_tests(metafunc)
        if "count" in metafunc.fixturenames:
            metafunc.parametrize("count", (2, 8))

    def test_runs_side_by_side_do_not_mix(self, way: str, count: int) -> None:
        """Each of several runs that are open at the same time has a trace of its own, with nothing of the others."""
        cities = CITIES[:count]
        scenes = [self.scene(city=city, conversation=f"talk-{city}") for city in cities]
        with self.observed(content=True) as seen, self.model.meeting(count):
            for scene, played in zip(scenes, play_together(self.recipe, way, scenes), strict=True):
                played.again()
                assert not played.answer or scene.answer in played.answer
        roots = seen.roots()
        assert not seen.open_spans()
        assert len(roots) == count, "\n".join(map(str, roots))
        assert len({root.span.context.trace_id for root in roots}) == count
        for root in roots:
            assert_tree(root, self.tree(way), with_attributes=False)
        assert sorted(_city_of(root) for root in roots) == sorted(cities)


def _city_of(root: Found) -> str:
    """Return the one city that a trace speaks of."""
    text = "".join(node.span.to_json() for node in root.all())
    found = [city for city in CITIES if city in text]
    assert len(found) == 1, f"one trace speaks of {found}:\n{root}"
    return found[0]
