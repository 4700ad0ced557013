"""What `ringback tail` says beside the attempts."""

from collections.abc import Generator
from typing import cast

import pytest
import typer

from cli.remote import tail
from cli.remote.sse import Event

ATTEMPT = '{"delivery_id": "dlv_1"}'


def test_a_gap_is_told_and_is_no_attempt(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def followed(*_: object) -> Generator[Event]:
        yield Event("reset", "{}", "7")
        yield Event("attempt", ATTEMPT, "8")

    def opened(_: object) -> None:
        """Open nothing."""

    monkeypatch.setattr(tail, "opened", opened)
    monkeypatch.setattr(tail, "followed", followed)

    tail.tail(cast("typer.Context", None), count=1, json=True)

    said = capsys.readouterr()
    assert said.out == f"{ATTEMPT}\n"
    assert said.err == (
        "ringback: more attempts came meanwhile than are told again: `ringback deliveries list` has them\n"
    )
