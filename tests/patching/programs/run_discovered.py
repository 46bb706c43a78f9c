"""Runs a program as ``__main__`` under discovery, and writes what was seen to a file as JSON.

Usage: python run_discovered.py REPORT.json TARGETS on|off PROGRAM [ARGUMENTS]
"""

# ruff: noqa: D103, PTH100, PTH120, PTH123 - written as users write their programs

import atexit
import dataclasses
import json
import os
import runpy
import sys

from agentotel._base import failopen
from agentotel.adapters import own_classes
from agentotel.patching import collected, observation, targets
from agentotel.patching.discovery import Discovery
from agentotel.patching.instances import Instances


class Recording:
    def __init__(self, operation, seen):
        self.operation = operation
        self.entry = {"kind": type(operation).__name__, "name": operation.name, "end": None, "chunks": 0}
        seen.append(self.entry)

    def activate(self):
        return None

    def suspend(self, token):
        pass

    def chunk(self):
        self.entry["chunks"] += 1

    def expire(self):
        pass

    def stop(self):
        self._end("failed" if self.operation.failure else "stopped")

    def fail(self, error):
        self._end(type(error).__name__)

    def _end(self, how):
        if self.entry["end"] is None:
            self.entry["end"] = how
            usage = getattr(self.operation, "usage", None)
            self.entry["usage"] = usage and [usage.input_tokens, usage.output_tokens]


class Observer:
    def __init__(self):
        self.seen = []

    def start(self, operation):
        return Recording(operation, self.seen)

    def current(self):
        return None


class Listener:
    def __init__(self):
        self.events = []

    def created(self, cls, instance, *, tracked):
        self.events.append(["created", cls.__name__, tracked])
        return cls.__name__

    def closed(self, token):
        self.events.append(["closed", token])

    def pool_created(self, name, pool):
        self.events.append(["pool", name])


def main(report_file, target_text, switch, program, *arguments):
    failopen.configure(strict=True)
    observer, listener, messages = Observer(), Listener(), []
    instances = Instances(listener)
    wanted, problems = targets.parse(target_text)
    discovery = Discovery(
        wanted,
        enabled=switch == "on",
        make_call=own_classes.call,
        report=messages.append,
        instances=instances,
    )
    observation.observe(observer)
    discovery.install()

    def write_report():
        collected.settle()
        with open(report_file, "w") as file:
            json.dump(
                {
                    "operations": observer.seen,
                    "instances": listener.events,
                    "pools": instances.pool_readings(),
                    "found": [dataclasses.asdict(found) for found in discovery.found],
                    "unmatched": {str(target): reason for target, reason in discovery.unmatched()},
                    "messages": [*map(str, problems), *messages],
                    "errors": dict(failopen.errors()),
                },
                file,
            )

    atexit.register(write_report)
    sys.argv = [program, *arguments]
    sys.path[0] = os.path.dirname(os.path.abspath(program))
    runpy.run_path(program, run_name="__main__")


if __name__ == "__main__":
    main(*sys.argv[1:])
