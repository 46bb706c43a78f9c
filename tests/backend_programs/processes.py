"""A program that a test starts, stops, kills and starts again."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from backend_programs.waiting import wait_until

STOP_S = 20
LOG_TAIL = 4000


class Program:
    """One process with a folder of its own for its data and its log.

    Subclasses say how it is started (`command`) and when it is ready (`is_ready`). Entering the ``with`` block starts
    it and waits until it is ready; leaving kills it: nobody needs its data any more, and a kind end takes Loki 20 s.

    Args:
        folder: Where its data and its log go; made where it is missing.
    """

    name = "program"
    ready_s = 60

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._process: subprocess.Popen | None = None

    def command(self) -> list[str]:
        """Return the command line."""
        raise NotImplementedError

    def is_ready(self) -> bool:
        """Say whether it answers."""
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        """Return the variables that it gets beside those of the test run."""
        return {}

    def start(self) -> None:
        """Start it and wait until it is ready."""
        with (self.folder / "log.txt").open("ab") as log:
            self._process = subprocess.Popen(
                self.command(),
                cwd=self.folder,
                env={**os.environ, **self.environment()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_until(self._is_ready_or_gone, f"{self.name} is ready", self.ready_s)
        except TimeoutError as error:
            self.kill()
            raise TimeoutError(f"{error}\n{self.log()[-LOG_TAIL:]}") from None

    def _is_ready_or_gone(self) -> bool:
        if not self.is_running():
            raise RuntimeError(f"{self.name} ended with {self._process.returncode}:\n{self.log()[-LOG_TAIL:]}")
        return self.is_ready()

    def is_running(self) -> bool:
        """Say whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End it as an administrator does (SIGTERM), or harder when it does not go."""
        if self.is_running():
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """End it as a crash does (SIGKILL)."""
        if self.is_running():
            self._process.kill()
            self._process.wait()

    def restart(self) -> None:
        """Stop it and start it again with the same data and ports."""
        self.stop()
        self.start()

    def log(self) -> str:
        """Return what it has written since its first start."""
        path = self.folder / "log.txt"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
