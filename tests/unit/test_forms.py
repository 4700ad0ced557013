"""Bodies of multipart/form-data."""

import pytest

from api.errors import ProblemError
from api.forms import Part, canonical, parse_form

TYPE = "multipart/form-data; boundary=cut"


def form(*parts: bytes, boundary: bytes = b"cut") -> bytes:
    return b"".join(b"--%b\r\n%b\r\n" % (boundary, part) for part in parts) + b"--%b--\r\n" % boundary


def field(name: str, content: bytes, more: str = "") -> bytes:
    return f'Content-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + content


def test_fields_come_in_their_order() -> None:
    assert parse_form(TYPE, form(field("b", b"1"), field("a", b""))) == (Part("b", b"1"), Part("a", b""))


def test_a_file_has_a_name_and_a_media_type() -> None:
    more = '; filename="a \\"b\\" ü.txt"\r\nContent-Type: text/plain; charset=utf-8'

    parts = parse_form(TYPE, form(field("file", b"text", more)))

    assert parts == (Part("file", b"text", 'a "b" ü.txt', "text/plain; charset=utf-8"),)


@pytest.mark.parametrize(
    "content", [b"\r\n", b"\r\n\r\n", b"\r\n--cu", b"\x00\xff\r\n", b"a\r\n-- cut--\r\n", bytes(range(256))]
)
def test_a_file_keeps_its_bytes(content: bytes) -> None:
    (part,) = parse_form(TYPE, form(field("file", content, '; filename="x"')))

    assert part.content == content


@pytest.mark.parametrize(
    "type_", ['multipart/form-data; boundary="cut"', "multipart/form-data; charset=x; Boundary=cut"]
)
def test_a_boundary_may_be_written_in_several_ways(type_: str) -> None:
    assert parse_form(type_, form(field("a", b"1"))) == (Part("a", b"1"),)


def test_what_stands_before_and_after_the_parts_is_left_out() -> None:
    body = b"before\r\n" + form(field("a", b"1")) + b"after\r\n" + form(field("b", b"2"))

    assert parse_form(TYPE, body) == (Part("a", b"1"),)


@pytest.mark.parametrize(
    ("type_", "body"),
    [
        ("multipart/form-data", form(field("a", b"1"))),
        (TYPE, b""),
        (TYPE, form(field("a", b"1")).removesuffix(b"--\r\n")),
        (TYPE, form(b"no headers")),
        (TYPE, form(b"Content-Type: text/plain\r\n\r\nx")),
        (TYPE, form(b"Content-Disposition: form-data\r\n\r\nx")),
        (TYPE, form(b'Content-Disposition: attachment; name="a"\r\n\r\nx')),
        (TYPE, form(b'Content-Disposition: form-data; name="\xff"\r\n\r\nx')),
    ],
)
def test_what_is_no_form_is_refused(type_: str, body: bytes) -> None:
    with pytest.raises(ProblemError, match="multipart/form-data"):
        parse_form(type_, body)


def test_equal_parts_are_equal_whatever_their_boundary_and_order() -> None:
    first = parse_form(TYPE, form(field("a", b"1"), field("b", b"2")))
    second = parse_form("x; boundary=other", form(field("b", b"2"), field("a", b"1"), boundary=b"other"))

    assert canonical(first) == canonical(second)


@pytest.mark.parametrize(
    "other",
    [
        (Part("a", b"12"), Part("b", b"")),
        (Part("a", b"1"), Part("b", b"2", "name")),
        (Part("a", b"1"), Part("b", b"2", None, "text/plain")),
        (Part("a", b"1"),),
    ],
)
def test_other_parts_are_another_form(other: tuple[Part, ...]) -> None:
    assert canonical(other) != canonical((Part("a", b"1"), Part("b", b"2")))
