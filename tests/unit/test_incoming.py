"""Plain events: the fast way and the thorough way read the same."""

import pytest
from fastapi.exceptions import RequestValidationError
from hypothesis import given
from hypothesis import strategies as st

from api.bodies import DEPTH_LIMIT, parse_json
from api.errors import ProblemError
from api.incoming import plain_event, read_plain
from core.intake.wish import EventWish


def both_ways(body: bytes) -> tuple[object, object]:
    return outcome_of(lambda: read_plain(body)), outcome_of(lambda: plain_event(parse_json(body), body))


def outcome_of(read: object) -> object:
    assert callable(read)
    try:
        return read()
    except (ProblemError, RequestValidationError) as error:
        return type(error), str(error)


@pytest.mark.parametrize(
    "body",
    [
        b'{"type":"a","data":1}',
        b' { "data" : [1, 2.0] , "type" : "a.b" } \n',
        b'{"type":"a","data":null,"id":null,"ordering_key":null,"timestamp":null}',
        b'{"type":"a","data":{"x":"\\u00e9\xc3\xa9"},"id":"\\u00e9","ordering_key":"k"}',
        b'{"type":"a","d\\u0061ta":1}',
        b'{"type":"a","data":1,"data":2}',
        b'{"type":"a..","type":"a","data":1}',
        b'{"type":"a","timestamp":"2026-01-01T00:00:00Z","data":1}',
        b'{"type":"a","data":' + b"[" * (DEPTH_LIMIT - 1) + b"]" * (DEPTH_LIMIT - 1) + b"}",
        b'{"type":"a","data":"' + b"[" * 100 + b'"}',
        b'{"type":"a","id":"' + "é".encode() * 255 + b'","data":1}',
    ],
)
def test_what_is_an_event_is_read_in_its_bytes(body: bytes) -> None:
    quick, thorough = both_ways(body)

    assert isinstance(quick, EventWish)
    assert quick == thorough


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"1",
        b"[]",
        b"{}",
        b'{"type":"a"}',
        b'{"type":"a","data":1} x',
        b'{"type":"a","data":1,"more":1}',
        b'{"type":"a\\n","data":1}',
        b'{"type":"","data":1}',
        b'{"type":1,"data":1}',
        b'{"type":"' + b"t" * 129 + b'","data":1}',
        b'{"type":"a","data":1,"id":""}',
        b'{"type":"a","data":1,"id":1}',
        b'{"type":"a","data":1,"id":"\\u0000"}',
        b'{"type":"a","data":1,"ordering_key":"a\\u0000b"}',
        b'{"type":"a","data":1,"id":"' + b"x" * 256 + b'"}',
        b'{"type":"a","data":1,"timestamp":"yesterday"}',
        b'{"type":"a","data":NaN}',
        b'{"type":"a","data":1e999}',
        b'{"type":"a","data":"\xff"}',
        b'{"type":"a","data":"\xff","data":1}',
        b'{"type":"a","data":"\\ud800"}',
        b'{"type":"a","data":"\\ud800","data":1}',
        b'{"type":"a","data":{"\xff":1}}',
        b'\xef\xbb\xbf{"type":"a","data":1}',
        b'{"type":"a","data":' + b"[" * DEPTH_LIMIT + b"]" * DEPTH_LIMIT + b"}",
        b'{"type":"a","data":' + b'{"a":' * DEPTH_LIMIT + b"1" + b"}" * DEPTH_LIMIT + b"}",
        b'{"type":"a","data":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"type":"a","data":' + b"[" * 100_000 + b"]" * 100_000 + b',"data":1}',
    ],
)
def test_what_is_none_is_refused_in_the_same_words(body: bytes) -> None:
    quick, thorough = both_ways(body)

    assert isinstance(quick, tuple)
    assert quick == thorough


@given(st.binary(max_size=40), st.sampled_from([b'{"type":"a","data":%b}', b'{"type":%b,"data":1}', b"%b"]))
def test_whatever_comes_both_ways_agree(written: bytes, around: bytes) -> None:
    quick, thorough = both_ways(around % written)

    assert quick == thorough
