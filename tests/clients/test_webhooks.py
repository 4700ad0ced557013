"""Signatures as the client of Python checks them, by the published vectors and beside the reference library."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import pytest
import standardwebhooks
from ringback import Webhook, WebhookVerificationError

from core.clock import now

VECTORS = Path(__file__).parents[1] / "vectors" / "standard-webhooks.json"
NOW = 1614265330
NAMES = ("webhook-id", "webhook-timestamp", "webhook-signature")
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"type":"a.b","timestamp":"2026-01-31T12:00:00Z","data":{"n":1}}'

Vector = dict[str, object]


def vectors() -> list[Vector]:
    """Return the published vectors."""
    return cast("dict[str, list[Vector]]", json.loads(VECTORS.read_text(encoding="utf-8")))["cases"]


def request_of(vector: Vector) -> tuple[bytes, dict[str, str]]:
    """Return the body and the headers of a vector."""
    return base64.b64decode(str(vector["body_b64"])), {name: str(vector[name]) for name in NAMES}


def keyed() -> list[object]:
    """Return each vector with each of its keys."""
    return [
        pytest.param(vector, key, id=f"{vector['name']}-{key[:5]}")
        for vector in vectors()
        for key in cast("list[str]", vector["secrets"])
    ]


def signed(body: bytes) -> dict[str, str]:
    """Return the headers that the reference library makes."""
    at = now()
    signature = standardwebhooks.Webhook(SECRET).sign("evt_1", at, body.decode())
    return {"webhook-id": "evt_1", "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature}


@pytest.mark.parametrize(("vector", "key"), keyed())
def test_a_published_vector_verifies(vector: Vector, key: str) -> None:
    body, headers = request_of(vector)

    assert Webhook(key).check(body, headers, now=NOW) == vector["webhook-id"]


@pytest.mark.parametrize(("vector", "key"), keyed())
def test_another_body_does_not_verify(vector: Vector, key: str) -> None:
    body, headers = request_of(vector)

    with pytest.raises(WebhookVerificationError, match="no signature matches"):
        Webhook(key).check(body + b" ", headers, now=NOW)


def test_what_the_reference_signs_is_read() -> None:
    message = Webhook(SECRET).verify(BODY, {name.title(): value for name, value in signed(BODY).items()})

    assert (message.id, message.type, message.data) == ("evt_1", "a.b", {"n": 1})


@pytest.mark.parametrize("body", [b"no JSON", b"[]", b'{"type": "a.b"}', b"1"])
def test_a_body_that_is_no_webhook_is_refused(body: bytes) -> None:
    with pytest.raises(WebhookVerificationError, match="the body"):
        Webhook(SECRET).verify(body, signed(body))


@pytest.mark.parametrize(
    ("changed", "at"),
    [
        ({}, NOW + 301),
        ({}, NOW - 301),
        ({"webhook-id": ""}, NOW),
        ({"webhook-timestamp": "soon"}, NOW),
        ({"webhook-timestamp": "9" * 11}, NOW),
        ({"webhook-timestamp": "9" * 400}, NOW),
        ({"webhook-timestamp": "9" * 5000}, NOW),
        ({"webhook-id": "\udc80"}, NOW),
        ({"webhook-timestamp": "\u0661"}, NOW),
        ({"webhook-signature": "v1,\u00e9"}, NOW),
        ({"webhook-signature": "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}, NOW),
        ({"webhook-signature": "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}, NOW),
    ],
)
def test_what_is_not_right_is_refused(changed: Mapping[str, str], at: float) -> None:
    body, headers = request_of(vectors()[0])

    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).check(body, {**headers, **changed}, now=at)


@pytest.mark.parametrize("key", ["", "whsec_", "whsec_\u00e9", "whpk_AAAA"])
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match=r"secret|32 bytes"):
        Webhook(key)
