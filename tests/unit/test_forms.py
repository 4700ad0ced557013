"""Bodies of multipart/form-data."""

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from api.errors import ProblemError
from api.forms import HEADER_SIZE_LIMIT, PART_LIMIT, Part, canonical, parse_form

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
        (TYPE, form(b'Content-Disposition: form-data; name="a"\n\nx')),
        (TYPE, form(b"\r\nx")),
        (TYPE, form(field("a", b"1"), boundary=b"other")),
        (TYPE, form(*[field("a", b"1")] * (PART_LIMIT + 1))),
        (TYPE, form(field("a" * HEADER_SIZE_LIMIT, b"1"))),
        (TYPE, form(b"A: 1\r\n" * 8 + field("a", b"1"))),
        (f"multipart/form-data; boundary={'x' * 300}", form(field("a", b"1"), boundary=b"x" * 300)),
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


LINE = st.text(st.characters(codec="utf-8", exclude_characters='"\\', exclude_categories=["Cc", "Cs"]), min_size=1)


@given(st.lists(st.tuples(LINE, LINE, st.binary()), max_size=5))
def test_what_a_client_encodes_is_read_again(files: list[tuple[str, str, bytes]]) -> None:
    sent = httpx.Request("POST", "http://x/", files=[("~", b""), *((n, (f, c, "a/b")) for n, f, c in files)])

    _, *parts = parse_form(sent.headers["content-type"], sent.read())

    assert parts == [Part(name, content, filename, "a/b") for name, filename, content in files]


def refusal(content_type: str, body: bytes) -> str | None:
    """Return the code of the problem, if there is one; any other error goes on to the test."""
    try:
        parse_form(content_type, body)
    except ProblemError as problem:
        return problem.code
    return None


PIECE = st.one_of(
    st.binary(max_size=8),
    st.sampled_from(
        [b"\r\n", b"--cut", b"--", b"Content-Disposition: form-data", b'; name="a"', b":", b"\r", b"\n", b" "]
    ),
)


@given(st.one_of(st.just(TYPE), st.text()), st.lists(PIECE, max_size=30).map(b"".join))
@example("multipart/form-data; boundary=\u20ac", b"")
@example(TYPE, b'--cut\r\nContent-Disposition: form-data; name="a\r\n\r\n\r\n--cut--')
def test_hostile_bytes_are_a_form_or_refused(content_type: str, body: bytes) -> None:
    assert refusal(content_type, body) in {None, "invalid-form"}


def test_it_reads_as_many_parts_as_its_limit() -> None:
    assert len(parse_form(TYPE, form(*[field("a", b"1")] * PART_LIMIT))) == PART_LIMIT
