"""Programs that are interrupted at random moments: nothing is left open, hidden or jammed."""

from __future__ import annotations

import json
import random
import subprocess
import sys

import pytest

from ..support.presses import ACTIONS

ROUNDS = 400


@pytest.mark.parametrize("action", ACTIONS)
def test_what_is_left(action: str) -> None:
    seed = random.SystemRandom().randrange(1 << 30)
    run = subprocess.run(
        [sys.executable, "-m", "tests.support.presses", action, str(ROUNDS), str(seed)],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    found = json.loads(run.stdout)
    assert found.pop("pressed") > ROUNDS * 0.9
    # An odd count is half of a pair that goes in together or not at all.
    nothing = {"seed": seed, "wrong": [], "sessions": 0, "threads": 0, "odd": [0]}
    assert found == nothing, run.stderr[-3000:]
