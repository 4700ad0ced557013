"""A client is not taken to have waited while the machine stood still, and for no less than that."""

import os
import signal
import subprocess
import sys
from collections import Counter
from threading import Event

import pytest

from tests.chaos.checker import Evidence, Json, p13_the_edge_is_honest
from tests.model.history import History

BEATING = """
from core.clock import monotonic
from tests.support.pulse import Pulse
pulse, begun = Pulse(), monotonic()
print("beats", flush=True)
input()
now = monotonic()
print(pulse.missed(begun, now), pulse.missed(now, now))
"""
STOPPED = 0.5


def test_time_in_which_a_process_is_not_let_run_is_missed() -> None:
    with subprocess.Popen([sys.executable, "-c", BEATING], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"beats\n"

        os.kill(process.pid, signal.SIGSTOP)
        Event().wait(STOPPED)
        os.kill(process.pid, signal.SIGCONT)
        told, _ = process.communicate(b"\n")

    missed, outside = map(float, told.split())
    assert missed >= STOPPED - 0.1
    assert outside == 0


@pytest.mark.parametrize(("took", "missed", "against"), [(2.9, 0.0, 0), (3.2, 0.1, 1), (6.0, 3.5, 0)])
def test_a_refusal_is_in_time_without_what_was_missed(took: float, missed: float, against: int) -> None:
    answer: Json = {"path": "/v1/events", "status": 503, "error": None, "took": took, "missed": missed}
    evidence = Evidence(History(schedule=[]), [answer], names=Counter(), tasks={}, told={}, ordered=frozenset())

    assert len(list(p13_the_edge_is_honest(evidence))) == against
