"""Server-Sent Events as the command line reads them."""

import pytest

from cli.remote.sse import Event, events_of, lines_of


@pytest.mark.parametrize(
    ("lines", "events"),
    [
        (["data: a", ""], [Event("message", "a", None)]),
        (["id: 1", "event: status", 'data: {"a":', "data: 1}", ""], [Event("status", '{"a":\n1}', "1")]),
        ([":", "", "retry: 3000", ""], []),
        (["data:a", "", "event: end", "data: b", ""], [Event("message", "a", None), Event("end", "b", None)]),
        (["id: 7", "data: a", "", "data: b", ""], [Event("message", "a", "7"), Event("message", "b", "7")]),
        (["id: 7", "retry: 3", "", "", "data: a", ""], [Event("message", "", "7"), Event("message", "a", "7")]),
        (["event: cut", "data: off"], []),
        (["event: empty", ""], []),
    ],
)
def test_events_are_read_line_by_line(lines: list[str], events: list[Event]) -> None:
    assert list(events_of(lines)) == events


def test_lines_end_at_line_feeds_alone_wherever_they_are_cut() -> None:
    assert list(lines_of(["a\u2028b", "\r", "\n\x85", "c\nd"])) == ["a\u2028b", "\x85c"]
