"""How the command line outlasts a moment in which the API is away."""

from collections.abc import Callable

import httpx
import pytest

from cli.failure import CommandError
from cli.remote.client import AwayError, refusal
from cli.remote.patience import LONGEST, patiently
from core import clock


@pytest.fixture
def rests(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made, in seconds; none lasts."""
    made: list[float] = []
    monkeypatch.setattr(clock, "rest", made.append)
    return made


def failing(*errors: Exception) -> Callable[[], str]:
    """Return a call that raises these errors, one after the other, and then gives an answer."""
    left = list(errors)

    def call() -> str:
        if left:
            raise left.pop(0)
        return "answer"

    return call


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_who_cannot_answer_now_is_away_for_as_long_as_it_says(status: int) -> None:
    error = refusal(httpx.Response(status, headers={"Retry-After": "7"}))

    assert (type(error), getattr(error, "after", None)) == (AwayError, 7.0)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 500])
def test_who_refuses_is_not_asked_again(status: int, rests: list[float]) -> None:
    with pytest.raises(CommandError, match=f"HTTP {status}"):
        patiently(failing(refusal(httpx.Response(status))))

    assert rests == []


def test_pauses_grow_up_to_a_limit_and_are_as_long_as_is_asked_for(
    rests: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    away = AwayError("away")

    found = patiently(failing(away, away, AwayError("busy", after=7.0), *[away] * 4))

    assert (found, rests) == ("answer", [0.5, 1.0, 7.0, 4.0, 8.0, LONGEST, LONGEST])
    assert capsys.readouterr().err == "ringback: away; it is asked again\nringback: it answers again\n"
