import pytest

from api.bodies import DEPTH_LIMIT, parse_json
from api.errors import ProblemError


def nested(levels: int, opening: str = "[", closing: str = "]") -> bytes:
    """Return arrays, or objects, in each other."""
    return (opening * levels + "0" * (opening != "[") + closing * levels).encode()


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"{}", {}),
        (b' {"a": [1, 2.5, -0.0, true, null, "x"]} \n', {"a": [1, 2.5, -0.0, True, None, "x"]}),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        (b'"\\u0000"', "\x00"),
        (b"12345678901234567890123", 12345678901234567890123),
        ('"é"'.encode(), "é"),
    ],
)
def test_json_is_read(body: bytes, value: object) -> None:
    assert parse_json(body) == value


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"{}{}",
        b"{,}",
        b'{"a":1,}',
        b"{'a':1}",
        b"NaN",
        b'{"x": NaN}',
        b"[Infinity]",
        b"[-Infinity]",
        b"[1e999]",
        b"[01]",
        b"[+1]",
        b"[1.]",
        b"\xef\xbb\xbf{}",
        '{"a":1}'.encode("utf-16"),
        b'"\xff"',
        b'"\xc3"',
        b'"\xed\xa0\x80"',
        b'"\xc0\x80"',
        b'"\\ud800"',
        b'"\\udc00"',
        b'"\\ud800\\u0041"',
        b'{"\\ud800": 1}',
        b'"a\nb"',
        b"// comment\n{}",
        b"[" * 100_000,
    ],
    ids=lambda body: repr(body[:20]),
)
def test_what_is_not_strict_json_in_utf8_is_a_bad_request(body: bytes) -> None:
    with pytest.raises(ProblemError) as refused:
        parse_json(body)

    assert (refused.value.status_code, refused.value.code) == (400, "invalid-json")


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_nesting_is_read_up_to_its_limit(opening: str, closing: str) -> None:
    assert parse_json(nested(DEPTH_LIMIT, opening, closing))


@pytest.mark.parametrize("levels", [DEPTH_LIMIT + 1, 500, 5000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_deeper_nesting_is_a_bad_request(levels: int, opening: str, closing: str) -> None:
    with pytest.raises(ProblemError) as refused:
        parse_json(nested(levels, opening, closing))

    assert refused.value.status_code == 400
