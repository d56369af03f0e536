"""Starts ``tilltape replay terminal`` for a test: a terminal made of a cassette, on a port of its own."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

TILLTAPE = os.environ.get("TILLTAPE", "tilltape")
"""Where the program is; on the path unless the environment says otherwise."""

CASSETTES = Path(__file__).parents[3] / "cassettes" / "bluechip-tsi"


class Terminal:
    """A terminal made of a cassette."""

    def __init__(self, cassette: str, *options: str) -> None:
        path = CASSETTES / f"{cassette}.cassette.jsonl"
        command = [TILLTAPE, "replay", "terminal", str(path), "--pace", "instant", "--format", "json"]
        self._process = subprocess.Popen(
            [*command, *options], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )
        line = self._process.stdout.readline()
        if not line.startswith("{"):
            pytest.fail(f"{TILLTAPE} did not start; it says why on standard error")
        self.url: str = json.loads(line)["url"]

    def verdict(self) -> tuple[int, dict]:
        """Waits for the end: the exit code, 0 for green, and the verdict. Its ``text`` says what is wrong, for people."""
        lines = self._process.stdout.read().splitlines()
        code = self._process.wait()
        assert lines, f"exit {code} without a verdict; it says why on standard error"
        return code, json.loads(lines[-1])

    def green(self) -> None:
        """The terminal saw what the cassette has, and with ``--check`` the POS kept the rules of the protocol."""
        code, verdict = self.verdict()
        assert code == 0, "\n" + verdict["text"]
        assert verdict["verdict"] == "complete"

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()


@pytest.fixture
def replay_terminal():
    """Starts terminals; they end with the test at the latest."""
    started: list[Terminal] = []

    def start(cassette: str, *options: str) -> Terminal:
        started.append(Terminal(cassette, *options))
        return started[-1]

    yield start
    for terminal in started:
        terminal.stop()
