import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict, cast

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from core.clock import unix_seconds
from core.model.signature import (
    InvalidSecretError,
    Scheme,
    SigningKey,
    format_secret,
    new_secret,
    parse_public_key,
    parse_secret,
    public_key,
    sign,
)

# The private half of the published Ed25519 vector, from the documentation of the Svix server.
PRIVATE = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
PUBLIC = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="

Vector = TypedDict(
    "Vector",
    {
        "name": str,
        "webhook-id": str,
        "webhook-timestamp": str,
        "body_b64": str,
        "webhook-signature": str,
        "secrets": list[str],
    },
)


def vectors() -> list[object]:
    """Return the published vectors."""
    path = Path(__file__).parents[1] / "vectors" / "standard-webhooks.json"
    cases = cast("dict[str, list[Vector]]", json.loads(path.read_text(encoding="utf-8")))["cases"]
    return [pytest.param(case, id=case["name"]) for case in cases]


@pytest.mark.parametrize("vector", vectors())
def test_a_published_vector_is_reproduced(vector: Vector) -> None:
    keys = [parse_secret(PRIVATE if secret == PUBLIC else secret) for secret in vector["secrets"]]

    signature = sign(
        keys,
        message_id=vector["webhook-id"],
        timestamp=int(vector["webhook-timestamp"]),
        body=base64.b64decode(vector["body_b64"]),
    )

    assert signature == vector["webhook-signature"]


@given(st.binary(min_size=24, max_size=64), st.text().map(str.encode))
def test_the_reference_library_verifies_what_is_signed(secret: bytes, body: bytes) -> None:
    key = SigningKey(Scheme.HMAC, secret)
    timestamp = int(unix_seconds())

    signature = sign([new_secret(), key], message_id="evt_1", timestamp=timestamp, body=body)

    headers = {"webhook-id": "evt_1", "webhook-timestamp": str(timestamp), "webhook-signature": signature}
    Webhook(format_secret(key)).verify(body, headers, json_parse=False)
    assert signature.count(" ") == 1


@given(st.binary())
def test_the_public_key_verifies_what_is_signed(body: bytes) -> None:
    key = new_secret(Scheme.ED25519)
    public = parse_public_key(public_key(key) or "")

    signature = sign([key], message_id="evt_1", timestamp=1614265330, body=body)

    version, encoded = signature.split(",")
    Ed25519PublicKey.from_public_bytes(public).verify(base64.b64decode(encoded), b"evt_1.1614265330." + body)
    assert version == "v1a"


@pytest.mark.parametrize("scheme", list(Scheme))
def test_a_new_secret_survives_writing_and_reading(scheme: Scheme) -> None:
    key = new_secret(scheme)

    assert parse_secret(format_secret(key)) == key


def test_new_secrets_differ() -> None:
    assert new_secret() != new_secret()


def test_a_private_key_names_its_public_half() -> None:
    assert public_key(parse_secret(PRIVATE)) == PUBLIC


def test_an_hmac_key_has_no_public_half() -> None:
    assert public_key(new_secret()) is None


def test_a_key_does_not_show_itself() -> None:
    key = SigningKey(Scheme.HMAC, b"secret" * 5)

    assert "secret" not in repr(key)


@pytest.mark.parametrize("length", [24, 64])
def test_a_secret_of_24_to_64_bytes_is_taken(length: int) -> None:
    text = "whsec_" + base64.b64encode(b"x" * length).decode()

    assert parse_secret(text).material == b"x" * length


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whsec_",
        "whsec_" + base64.b64encode(b"x" * 23).decode(),
        "whsec_" + base64.b64encode(b"x" * 65).decode(),
        base64.b64encode(b"x" * 32).decode(),
        "whsec_" + base64.b64encode(b"x" * 32).decode().rstrip("="),
        "whsec_" + base64.urlsafe_b64encode(b"\xff" * 32).decode(),
        "whsec_" + base64.b64encode(b"x" * 32).decode().replace("=", "") + "!",
        "whsec_" + base64.b64encode(b"x" * 25).decode()[:-3] + "B==",
        "whsec_éééééééééééééééééééééééééééééééé",
        "WHSEC_" + base64.b64encode(b"x" * 32).decode(),
        "whsk_" + base64.b64encode(b"x" * 32).decode(),
        "whsk_" + base64.b64encode(b"x" * 64).decode(),
        PUBLIC,
    ],
)
def test_a_malformed_secret_is_refused(text: str) -> None:
    with pytest.raises(InvalidSecretError):
        parse_secret(text)


@pytest.mark.parametrize("text", ["", "whpk_", "whpk_AAAA", PUBLIC.replace("whpk_", "whsk_")])
def test_a_malformed_public_key_is_refused(text: str) -> None:
    with pytest.raises(InvalidSecretError):
        parse_public_key(text)


@pytest.mark.parametrize(("keys", "message_id"), [([new_secret()], "evt.1"), ([], "evt_1")])
def test_what_cannot_be_verified_is_not_signed(keys: Sequence[SigningKey], message_id: str) -> None:
    with pytest.raises(ValueError, match="signing needs"):
        sign(keys, message_id=message_id, timestamp=1, body=b"")
