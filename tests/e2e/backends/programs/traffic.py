"""An agent that does what it is told, line by line, and answers when it is done. It knows nothing of telemetry."""

import logging
import sys

logger = logging.getLogger("traffic")
logger.setLevel(logging.INFO)
logger.addHandler(logging.NullHandler())


class CountTool:
    name = "count"

    def execute(self, number):
        """Fail where it is told to."""
        if number < 0:
            raise LookupError("there is no such number")
        return {"number": number}


class TrafficAgent:
    name = "traffic"
    id = "traffic-1"
    user_id = "carol"
    tenant_id = "initech"

    def chat(self, number):
        """Write one log line and use one tool."""
        logger.info("run %d", number)
        return CountTool().execute(number)


def main():
    """Read ``run N`` and ``fail N`` until the end of the input."""
    agent, done = TrafficAgent(), 0
    for line in sys.stdin:
        what, number = line.split()
        for _ in range(int(number)):
            done += 1
            try:
                agent.chat(done if what == "run" else -done)
            except LookupError:
                continue
        print("done", done, flush=True)


if __name__ == "__main__":
    main()
