"""Ports for servers of tests and of the embedded stores."""

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
