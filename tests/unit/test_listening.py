"""How long a stream goes on while nobody can tell whether its key still works."""

from types import SimpleNamespace
from typing import cast

import pytest
from fastapi import Request

from api import listening
from api.auth import BELIEVED_FOR, unauthorized
from api.errors import ProblemError
from api.listening import Listener
from core import clock

START = 1000.0


class Door:
    """What lets in, or raises what it is told to."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error

    def door(self, _: object) -> "Door":
        """Stand for what knows the sessions of a request."""
        return self

    async def identify(self, *_: object) -> None:
        """Let in, if nothing is in the way."""
        if self.error is not None:
            raise self.error


class Client:
    """One who is there, or has left."""

    def __init__(self, *, left: bool = False) -> None:
        self.left = left
        self.headers: dict[str, str] = {}

    async def is_disconnected(self) -> bool:
        """Tell whether it has left."""
        return self.left


@pytest.mark.parametrize(
    ("error", "after", "goes_on"),
    [
        (None, BELIEVED_FOR + 1, True),
        (unauthorized(), 0, False),
        (TimeoutError(), BELIEVED_FOR - 1, True),
        (TimeoutError(), BELIEVED_FOR, False),
    ],
    ids=["let in", "revoked", "nobody can tell", "for too long"],
)
async def test_a_stream_goes_on_while_its_key_is_believed(
    monkeypatch: pytest.MonkeyPatch, error: Exception | None, after: float, *, goes_on: bool
) -> None:
    now = SimpleNamespace(at=START)
    monkeypatch.setattr(clock, "monotonic", lambda: now.at)
    monkeypatch.setattr(listening, "sessions_of", Door(error).door)
    listener = Listener(cast("Request", Client()))

    now.at += after

    assert await listener.may_listen() is goes_on


async def test_a_look_up_that_succeeds_lets_it_go_on_from_there(monkeypatch: pytest.MonkeyPatch) -> None:
    now, door = SimpleNamespace(at=START), Door(None)
    monkeypatch.setattr(clock, "monotonic", lambda: now.at)
    monkeypatch.setattr(listening, "sessions_of", door.door)
    listener = Listener(cast("Request", Client()))
    now.at += 60
    let_in = await listener.may_listen()
    door.error = TimeoutError()
    now.at += BELIEVED_FOR - 1

    assert (let_in, await listener.may_listen()) == (True, True)


async def test_a_stream_ends_with_its_client() -> None:
    assert not await Listener(cast("Request", Client(left=True))).may_listen()


@pytest.mark.parametrize("error", [None, unauthorized(), TimeoutError()], ids=["let in", "revoked", "nobody can tell"])
async def test_who_waits_is_told_what_it_would_be_refused_with(
    monkeypatch: pytest.MonkeyPatch, error: Exception | None
) -> None:
    monkeypatch.setattr(listening, "sessions_of", Door(error).door)

    assert await told(Listener(cast("Request", Client()))) is error


async def told(listener: Listener) -> Exception | None:
    """Return what it is refused with, if it is."""
    try:
        await listener.check()
    except (ProblemError, TimeoutError) as error:
        return error
    return None
