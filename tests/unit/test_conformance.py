"""The trials of a check: what they send is what they say, and what an answer to it means."""

import base64
from itertools import count

import pytest
import standardwebhooks
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from core import clock
from core.model.conformance import BY_NAME, LARGE, TRIALS, Message, body_of, headers_of, judge, messages
from core.model.signature import Scheme, format_secret, new_secret, parse_public_key, public_key

HMAC = new_secret(Scheme.HMAC)
ED25519 = new_secret(Scheme.ED25519)
NAMES = [trial.name for trial in TRIALS]


def made(scheme: Scheme) -> dict[str, Message]:
    numbers = count(1)
    keys = [HMAC if scheme is Scheme.HMAC else ED25519]
    found = messages(keys, now=int(clock.unix_seconds()), new_id=lambda: f"evt_{next(numbers)}")
    return {one.trial: one for one in found}


def by_reference(message: Message) -> bool:
    verifier = standardwebhooks.Webhook(format_secret(HMAC))
    try:
        verifier.verify(body_of(message), headers_of(message, version="1"), json_parse=False)
    except (standardwebhooks.WebhookVerificationError, ValueError):
        return False
    return True


def by_public_key(message: Message) -> bool:
    key = Ed25519PublicKey.from_public_bytes(parse_public_key(public_key(ED25519) or ""))
    content = f"{message.id}.{message.timestamp}.".encode() + body_of(message)
    entries = [entry.partition(",")[2] for entry in (message.signature or "").split(" ")]
    return any(_is_of(key, entry, content) for entry in entries)


def _is_of(key: Ed25519PublicKey, entry: str, content: bytes) -> bool:
    try:
        key.verify(base64.b64decode(entry), content)
    except InvalidSignature:
        return False
    return True


@pytest.mark.parametrize("name", NAMES)
def test_the_reference_library_takes_what_has_to_be_taken_and_nothing_else(name: str) -> None:
    assert by_reference(made(Scheme.HMAC)[name]) == BY_NAME[name].taken


@pytest.mark.parametrize("name", [name for name in NAMES if name != "stale_timestamp"])
def test_a_public_key_takes_what_has_to_be_taken_and_nothing_else(name: str) -> None:
    assert by_public_key(made(Scheme.ED25519)[name]) == BY_NAME[name].taken


def test_the_large_one_is_as_large_as_events_may_be() -> None:
    assert len(body_of(made(Scheme.HMAC)["large_body"])) == LARGE


def test_the_repeat_has_the_id_of_the_first_and_no_other() -> None:
    found = [one.id for one in made(Scheme.HMAC).values()]

    assert found[0] == found[1]
    assert len(set(found)) == len(found) - 1


@pytest.mark.parametrize(
    ("name", "status", "error", "passed"),
    [
        ("good_signature", 200, None, True),
        ("good_signature", 302, None, False),
        ("good_signature", None, "timeout", False),
        ("bad_signature", 401, None, True),
        ("bad_signature", 200, None, False),
        ("bad_signature", 500, None, False),
        ("bad_signature", None, "connect", False),
        ("large_body", 413, None, False),
    ],
)
def test_an_answer_passes_or_says_how_to_mend_it(
    name: str, status: int | None, error: str | None, *, passed: bool
) -> None:
    finding = judge(BY_NAME[name], status, error=error)

    assert (finding.passed, finding.mend is None) == (passed, passed)


@pytest.mark.parametrize("name", NAMES[1:])
def test_nothing_proves_anything_while_a_good_message_is_refused(name: str) -> None:
    assert judge(BY_NAME[name], 401, error=None, proves=False).passed is None
