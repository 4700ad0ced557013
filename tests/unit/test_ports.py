"""Ports for servers of tests and of the embedded stores."""

import socket

import pytest

from cli.embedded.ports import free_port

DRAWN = [7_017, 11_999]
"""Above 20,000: MongoDB's, and one of nobody's."""


def test_a_port_that_no_url_may_have_is_not_given_out(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter(DRAWN)

    def draw(_: int) -> int:
        return next(drawn)

    monkeypatch.setattr("secrets.randbelow", draw)

    assert free_port() == 31_999


def test_a_port_is_given_out_once_though_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    first = free_port()
    drawn = iter([first - 20_000, first - 20_000, 11_111])

    def draw(_: int) -> int:
        return next(drawn)

    monkeypatch.setattr("secrets.randbelow", draw)

    assert free_port() == 31_111


def test_a_server_listens_on_the_port_that_was_found_for_it() -> None:
    port = free_port()

    with socket.create_server(("127.0.0.1", port)), socket.create_connection(("127.0.0.1", port)):
        pass

    with socket.create_server(("127.0.0.1", port)) as again:
        assert again.getsockname() == ("127.0.0.1", port)
