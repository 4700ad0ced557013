"""CloudEvents 1.0, read out of JSON and out of headers."""

import json
from typing import cast

import pytest
from fastapi.exceptions import RequestValidationError

from api.bodies import parse_json
from api.cloud_events import ATTRIBUTES_LENGTH, Headers, binary_event, compared_headers, is_binary, structured_event
from api.errors import ProblemError, field_errors
from core.intake.wish import EventWish
from core.model.errors import InvalidInputError
from core.model.json_value import JsonValue

EVENT: dict[str, JsonValue] = {"specversion": "1.0", "id": "1", "source": "/shops", "type": "order.paid"}
NEEDED = [(b"ce-specversion", b"1.0"), (b"ce-id", b"1"), (b"ce-source", b"/shops"), (b"ce-type", b"order.paid")]


def structured(**more: JsonValue) -> EventWish:
    written = json.dumps({**EVENT, **more}).encode()
    return structured_event(parse_json(written), written)


def binary(*more: tuple[bytes, bytes], body: bytes = b"1", without: bytes = b"") -> EventWish:
    headers = [one for one in NEEDED if one[0] != without]
    return binary_event([*headers, *more], parse_json(body) if body else None, body)


def refused_at(error: Exception) -> list[str]:
    if isinstance(error, InvalidInputError):
        return [one.pointer for one in error.errors]
    return [one["pointer"] for one in field_errors(cast("RequestValidationError", error))]


def test_a_structured_event_is_read() -> None:
    wish = structured(
        time="2026-01-01T00:00:00Z", subject="s", dataschema="/x", data={"a": 1}, tenancy="eu", n=7, b=True
    )

    assert (wish.type, wish.client_id, wish.value) == ("order.paid", "/shops 1", {"a": 1})
    assert wish.timestamp is not None
    assert wish.timestamp.isoformat() == "2026-01-01T00:00:00+00:00"
    assert wish.attributes == {
        "source": "/shops",
        "subject": "s",
        "dataschema": "/x",
        "tenancy": "eu",
        "n": 7,
        "b": True,
    }


def test_the_data_keeps_its_bytes() -> None:
    odd = b'{ "b":1.0, "a":1e2,\n "n":[ ] }'
    written = b'{"data" : %b ,%b' % (odd, json.dumps(EVENT).encode()[1:])

    assert structured_event(parse_json(written), written).data == odd
    assert binary(body=b" \n" + odd + b"\n").data == odd


def test_what_has_no_data_has_null() -> None:
    assert (structured().data, structured().value) == (b"null", None)
    assert (binary(body=b"").data, binary(body=b"").value) == (b"null", None)


def test_both_modes_make_the_same_event() -> None:
    one = structured(subject="Zoë", data=1, tenancy="eu", datacontenttype="application/json")
    other = binary((b"ce-subject", b"Zo%C3%AB"), (b"ce-tenancy", b"eu"))

    assert one == other
    assert one.fingerprint == other.fingerprint


def test_an_attribute_that_is_null_is_not_there() -> None:
    assert structured(subject=None, tenancy=None).attributes == {"source": "/shops"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"plain", "plain"),
        (b"Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro \u20ac \U0001f600"),
        (b"%41%c3%ab", "A\u00eb"),
        (b'"a \\"quoted\\" \\\\ one"', 'a "quoted" \\ one'),
        (b'"50%25"', "50%"),
        (b"100%", "100%"),
        (b"%2525", "%25"),
    ],
)
def test_a_header_is_decoded_once(value: bytes, text: str) -> None:
    attributes = binary((b"ce-subject", value)).attributes

    assert attributes is not None
    assert attributes["subject"] == text


@pytest.mark.parametrize("value", [b"%C0%A0", b"%ED%A0%80", b"%FF", "ë".encode(), b"a%00", b"%0A", b""])
def test_a_header_that_is_no_text_is_refused(value: bytes) -> None:
    with pytest.raises((InvalidInputError, RequestValidationError)) as raised:
        binary((b"ce-subject", value))

    assert refused_at(raised.value) == ["/subject"]


@pytest.mark.parametrize(
    ("header", "pointer"),
    [
        ((b"ce-my-name", b"x"), "/my-name"),
        ((b"ce-", b"x"), "/"),
        ((b"ce-id", b"2"), "/id"),
        ((b"ce-datacontenttype", b"application/json"), "/datacontenttype"),
        ((b"ce-data", b"1"), "/data"),
    ],
)
def test_a_header_that_may_not_be_there_is_refused(header: tuple[bytes, bytes], pointer: str) -> None:
    with pytest.raises(InvalidInputError) as raised:
        binary(header)

    assert refused_at(raised.value) == [pointer]


@pytest.mark.parametrize("name", ["specversion", "id", "source", "type"])
def test_what_is_needed_is_needed_in_both_modes(name: str) -> None:
    with pytest.raises(RequestValidationError) as in_headers:
        binary(without=f"ce-{name}".encode())
    with pytest.raises(RequestValidationError) as in_json:
        structured(**{name: None})

    assert refused_at(in_headers.value) == refused_at(in_json.value) == [f"/{name}"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("specversion", "0.3"),
        ("specversion", 1.0),
        ("id", ""),
        ("id", "a\nb"),
        ("id", "x" * 256),
        ("source", ""),
        ("source", "a b"),
        ("source", "x" * 1025),
        ("type", "com.example/x"),
        ("time", "yesterday"),
        ("subject", ""),
        ("subject", "\x85"),
        ("dataschema", "a b"),
        ("Upper", "x"),
        ("under_score", "x"),
        ("x" * 65, "x"),
        ("a/b", "x"),
        ("number", 1.5),
        ("number", 2**31),
        ("object", {}),
        ("list", ["x"]),
        ("control", "a\x00"),
    ],
)
def test_a_bad_attribute_is_refused_with_its_place(name: str, value: JsonValue) -> None:
    with pytest.raises((InvalidInputError, RequestValidationError)) as raised:
        structured(**{name: value})

    assert refused_at(raised.value) == ["/" + name.replace("/", "~1")]


def test_attributes_are_bounded_together() -> None:
    with pytest.raises(InvalidInputError) as raised:
        structured(**{f"a{n}": "x" * (ATTRIBUTES_LENGTH // 10) for n in range(10)})

    assert refused_at(raised.value) == [""]


@pytest.mark.parametrize(
    "more", [{"data_base64": "eA=="}, {"datacontenttype": "text/plain"}, {"datacontenttype": "application/xml"}]
)
def test_data_that_is_no_json_is_another_media_type(more: dict[str, JsonValue]) -> None:
    with pytest.raises(ProblemError) as raised:
        structured(**more)

    assert raised.value.status_code == 415


@pytest.mark.parametrize("type_", ["application/json", "Application/JSON; charset=utf-8", "application/vnd.a+json"])
def test_json_has_several_names(type_: str) -> None:
    assert structured(datacontenttype=type_, data=1).data == b"1"


@pytest.mark.parametrize("value", [None, 1, "x", []])
def test_what_is_no_object_is_refused(value: JsonValue) -> None:
    with pytest.raises(RequestValidationError) as raised:
        structured_event(value, json.dumps(value).encode())

    assert refused_at(raised.value) == [""]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [([], False), ([(b"ce-other", b"x")], False), ([(b"ce-id", b"x")], True), (NEEDED, True)],
)
def test_an_event_is_binary_by_any_header_that_is_needed(headers: Headers, expected: bool) -> None:  # noqa: FBT001 - a case
    assert is_binary(headers) is expected


def test_the_headers_of_an_event_are_compared_whatever_their_order() -> None:
    assert compared_headers(NEEDED) == compared_headers([*NEEDED[::-1], (b"host", b"x")])
    assert compared_headers(NEEDED) != compared_headers(NEEDED[1:])
