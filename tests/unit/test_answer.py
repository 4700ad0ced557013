"""One parser reads the answers of a connection, one after another."""

import sys

import pytest

from core.model.outcome import RESPONSE_HEADERS_LIMIT, RESPONSE_HEADERS_MAX, ErrorClass
from workers.delivery.answer import AnswerReader
from workers.delivery.exchange import Progress
from workers.delivery.probe import ExchangeError

PLAIN = b"HTTP/1.1 200 OK\r\nx-first: 1\r\ncontent-length: 2\r\n\r\nhi"
CHUNKED = b"HTTP/1.1 200 OK\r\nx-first: 1\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n"
SECOND = b"HTTP/1.1 404 Not Found\r\nx-second: 2\r\ncontent-length: 3\r\n\r\nbye"


def read(reader: AnswerReader, *pieces: bytes) -> Progress:
    """Have an answer read, piece by piece."""
    progress = Progress(100)
    reader.begin(progress)
    for piece in pieces:
        reader.feed(piece)
    return progress


@pytest.mark.parametrize(
    "first",
    [PLAIN, CHUNKED + b"\r\n", CHUNKED + b"x-trailer: 3\r\nx-last: 4\r\n\r\n", b"HTTP/1.1 103 Hints\r\n\r\n" + PLAIN],
    ids=["with a length", "in chunks", "with trailers", "after an interim answer"],
)
def test_nothing_of_an_answer_is_left_for_the_next_one(first: bytes) -> None:
    reader = AnswerReader()
    read(reader, first)
    assert (reader.ended, reader.reusable) == (True, True)

    progress = read(reader, SECOND)

    assert (reader.ended, reader.reusable) == (True, True)
    assert (progress.status, bytes(progress.body)) == (404, b"bye")
    assert progress.headers == [(b"x-second", b"2"), (b"content-length", b"3")]


def test_an_answer_may_come_byte_by_byte() -> None:
    reader = AnswerReader()
    read(reader, PLAIN)

    progress = read(reader, *(bytes([one]) for one in SECOND))

    assert reader.ended
    assert (progress.status, bytes(progress.body)) == (404, b"bye")


def test_headers_are_counted_with_their_usual_ends_whatever_theirs_are() -> None:
    lines = [b"n:" + b"v" * (RESPONSE_HEADERS_LIMIT // RESPONSE_HEADERS_MAX - 4)] * RESPONSE_HEADERS_MAX
    head = b"HTTP/1.1 200 OK\n" + b"".join([line + b"\n" for line in lines]) + b"\n"
    assert len(head) < RESPONSE_HEADERS_LIMIT

    with pytest.raises(ExchangeError) as raised:
        read(AnswerReader(), head)

    assert raised.value.error is ErrorClass.TOO_LARGE


def test_what_follows_an_answer_unasked_ends_its_connection() -> None:
    reader = AnswerReader()

    read(reader, PLAIN + SECOND)

    assert (reader.ended, reader.reusable) == (True, False)


def test_an_answer_with_more_headers_than_anybody_needs_is_too_large() -> None:
    many = b"HTTP/1.1 200 OK\r\n" + b"a:\r\n" * (RESPONSE_HEADERS_MAX + 1) + b"content-length: 0\r\n\r\n"

    with pytest.raises(ExchangeError) as refused:
        read(AnswerReader(), many)

    assert refused.value.error is ErrorClass.TOO_LARGE


def test_an_idle_connection_keeps_nothing_of_its_last_answer() -> None:
    reader = AnswerReader()
    progress = read(reader, PLAIN)
    held = sys.getrefcount(progress)

    reader.let_go()

    assert sys.getrefcount(progress) == held - 1
