"""Ports for servers of tests and of the embedded stores."""

import socket
from collections.abc import Iterator
from itertools import count

import pytest

from cli.embedded.ports import free_port

MONGO = 7_017
"""MongoDB's port, above 20,000."""


def test_a_port_that_no_url_may_have_is_not_given_out(monkeypatch: pytest.MonkeyPatch) -> None:
    draw(monkeypatch, MONGO)

    assert free_port() > 20_000 + MONGO


def test_a_port_is_given_out_once_though_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    first = free_port()
    draw(monkeypatch, first - 20_000)

    assert free_port() != first


def test_a_server_listens_on_the_port_that_was_found_for_it() -> None:
    port = free_port()

    with socket.create_server(("127.0.0.1", port)), socket.create_connection(("127.0.0.1", port)):
        pass

    with socket.create_server(("127.0.0.1", port)) as again:
        assert again.getsockname() == ("127.0.0.1", port)


def draw(monkeypatch: pytest.MonkeyPatch, first: int) -> None:
    """Have this drawn, and then what follows on it."""
    drawn: Iterator[int] = count(first)

    def following(below: int) -> int:
        return next(drawn) % below

    monkeypatch.setattr("secrets.randbelow", following)
