"""What receivers get verifies with the libraries that they use, before, during and after a rotation."""

import re
from collections.abc import Generator
from typing import cast
from uuid import uuid4

import pytest

from tests.e2e.conftest import product
from tests.support.accounts import Json
from tests.support.partners import PRIVATE_KEY, PUBLIC_KEY, SECRET
from tests.support.received import ReceivedRequest
from tests.support.stack import Stack
from tests.support.stores import PostgresServer
from tests.support.threaded import ThreadedReceiver
from tests.support.verifiers import WITH_PUBLIC_KEY, WITH_SECRET, Verify

ENTRIES = re.compile(r"v1a?,[A-Za-z0-9+/]+=*( v1a?,[A-Za-z0-9+/]+=*)*")
with_secret = pytest.mark.parametrize("verify", WITH_SECRET.values(), ids=WITH_SECRET)
with_public_key = pytest.mark.parametrize("verify", WITH_PUBLIC_KEY.values(), ids=WITH_PUBLIC_KEY)


@pytest.fixture(scope="module")
def module_up(tmp_path_factory: pytest.TempPathFactory, postgres: PostgresServer, redis_store: str) -> Generator[Stack]:
    """The product."""
    with product(tmp_path_factory.mktemp("signatures"), postgres, redis_store) as running:
        yield running


@pytest.fixture
def up(module_up: Stack) -> Stack:
    """The product, acting for a tenant of the test's own: no endpoint of another test fails meanwhile."""
    module_up.make_tenant(f"t-{uuid4().hex}")
    return module_up


def register(stack: Stack, receiver: ThreadedReceiver, **wish: object) -> str:
    """Register the receiver; return its path."""
    body = {"url": receiver.url, "event_types": ["task.succeeded"], **wish}
    made: Json = stack.client.post("/v1/endpoints", json=body).raise_for_status().json()
    return f"/v1/endpoints/{made['id']}"


def change(stack: Stack, path: str, **patch: object) -> Json:
    changed: Json = stack.client.patch(path, json=patch).raise_for_status().json()
    return changed


def rotate(stack: Stack, path: str, **how: object) -> str:
    """Rotate an endpoint's secret; return what its receiver verifies with from now on."""
    made = cast("dict[str, str | None]", stack.client.post(f"{path}/secret/rotate", json=how).raise_for_status().json())
    return made["secret"] or made["public_key"] or ""


def told(stack: Stack, receiver: ThreadedReceiver) -> ReceivedRequest:
    """Have something happen; return what the receiver is told of it."""
    before = len(receiver.requests)
    stack.client.post("/v1/tasks", json={"type": "math.divide", "input": {"x": 1, "y": 4}})
    return receiver.wait_for(before + 1, within=90)[-1]


def versions(request: ReceivedRequest) -> list[str]:
    """Return the versions of the signatures, in their order."""
    signature = request.header("webhook-signature") or ""
    assert ENTRIES.fullmatch(signature)
    return [entry.partition(",")[0] for entry in signature.split(" ")]


@with_secret
def test_a_secret_verifies_what_is_sent(up: Stack, receiver: ThreadedReceiver, verify: Verify) -> None:
    register(up, receiver, secret=SECRET)

    request = told(up, receiver)

    assert verify(request, SECRET)
    assert versions(request) == ["v1"]


@with_secret
def test_another_secret_does_not(up: Stack, receiver: ThreadedReceiver, verify: Verify) -> None:
    register(up, receiver)

    request = told(up, receiver)

    assert not verify(request, SECRET)


@with_secret
def test_during_a_rotation_the_old_secret_and_the_new_one_verify(
    up: Stack, receiver: ThreadedReceiver, verify: Verify
) -> None:
    path = register(up, receiver, secret=SECRET)
    new = rotate(up, path)

    request = told(up, receiver)

    assert verify(request, SECRET)
    assert verify(request, new)
    assert versions(request) == ["v1", "v1"]


@with_secret
def test_after_the_overlap_the_old_secret_verifies_no_more(
    up: Stack, receiver: ThreadedReceiver, verify: Verify
) -> None:
    path = register(up, receiver, secret=SECRET)
    new = rotate(up, path, overlap=0)

    request = told(up, receiver)

    assert verify(request, new)
    assert not verify(request, SECRET)


@with_public_key
def test_a_public_key_verifies_what_is_sent(up: Stack, receiver: ThreadedReceiver, verify: Verify) -> None:
    register(up, receiver, signature="ed25519", secret=PRIVATE_KEY)

    request = told(up, receiver)

    assert verify(request, PUBLIC_KEY)
    assert versions(request) == ["v1a"]


@with_public_key
def test_another_public_key_does_not(up: Stack, receiver: ThreadedReceiver, verify: Verify) -> None:
    register(up, receiver, signature="ed25519")

    request = told(up, receiver)

    assert not verify(request, PUBLIC_KEY)


@with_public_key
def test_during_a_rotation_both_public_keys_verify(up: Stack, receiver: ThreadedReceiver, verify: Verify) -> None:
    path = register(up, receiver, signature="ed25519", secret=PRIVATE_KEY)
    new = rotate(up, path)

    request = told(up, receiver)

    assert verify(request, PUBLIC_KEY)
    assert verify(request, new)
    assert versions(request) == ["v1a", "v1a"]


@with_public_key
def test_while_the_kind_of_signature_changes_both_kinds_verify(
    up: Stack, receiver: ThreadedReceiver, verify: Verify
) -> None:
    path = register(up, receiver, secret=SECRET)
    public_key = str(change(up, path, signature="ed25519")["public_key"])

    request = told(up, receiver)

    assert verify(request, public_key)
    assert WITH_SECRET["standardwebhooks"](request, SECRET)
    assert versions(request) == ["v1a", "v1"]


def test_ten_secrets_sign_with_the_newest_in_front(up: Stack, receiver: ThreadedReceiver) -> None:
    path = register(up, receiver, secret=SECRET)
    secrets = [SECRET, *(rotate(up, path) for _ in range(9))]

    request = told(up, receiver)

    entries = (request.header("webhook-signature") or "").split(" ")
    assert len(entries) == 10
    assert [WITH_SECRET["standardwebhooks"](request, secret) for secret in secrets] == [True] * 10


def test_a_header_of_the_endpoint_is_sent_as_it_is_at_the_next_attempt(up: Stack, receiver: ThreadedReceiver) -> None:
    path = register(up, receiver, headers={"Authorization": "Bearer old", "X-Team": "a"})
    change(up, path, headers={"authorization": "Bearer new", "X-Team": None, "X-More": "b"})

    request = told(up, receiver)

    sent = (request.header("authorization"), request.header("x-team"), request.header("x-more"))
    assert sent == ("Bearer new", None, "b")
