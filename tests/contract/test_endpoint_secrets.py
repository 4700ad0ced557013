"""Rotating the secrets of endpoints."""

import asyncio
from typing import cast

import httpx
import pytest

from core.model import ids
from tests.support.accounts import Account, Json, pointers, refused
from tests.support.partners import PRIVATE_KEY, PUBLIC_KEY, SECRET, changed, path_of, registered, seen
from tests.support.rows import Rows

SECRETS = """
SELECT kind, expires_at IS NULL AS present, round(extract(EPOCH FROM expires_at - now()))::INTEGER AS left
FROM secrets WHERE endpoint_id = :id AND (expires_at IS NULL OR expires_at > now()) ORDER BY id DESC
"""


async def kept(rows: Rows, endpoint: Json) -> list[tuple[object, ...]]:
    """Return kind, whether it is the present one, and the minutes left of an endpoint's secrets, newest first."""
    found = await rows.all(SECRETS, id=ids.decode(ids.ENDPOINT, str(endpoint["id"])))
    return [(row["kind"], row["present"], row["left"] and round(cast("int", row["left"]) / 60)) for row in found]


async def rotated(client: httpx.AsyncClient, endpoint: Json, **how: object) -> Json:
    answer = await client.post(path_of(endpoint, "/secret/rotate"), json=how)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


async def secret_of(client: httpx.AsyncClient, endpoint: Json) -> Json:
    found: Json = (await client.get(path_of(endpoint, "/secret"))).json()
    return found


async def test_a_new_secret_takes_the_place_of_the_old_one(client: httpx.AsyncClient, rows: Rows) -> None:
    made = await registered(client)

    answer = await client.post(path_of(made, "/secret/rotate"))

    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert answer.json()["secret"] != made["secret"]
    assert await secret_of(client, made) == answer.json()
    assert await kept(rows, made) == [("hmac", True, None), ("hmac", False, 24 * 60)]


@pytest.mark.parametrize(("overlap", "old"), [(60, 1), (604_800, 7 * 24 * 60)])
async def test_the_overlap_is_what_is_told(client: httpx.AsyncClient, rows: Rows, overlap: int, old: int) -> None:
    made = await registered(client)

    await rotated(client, made, overlap=overlap)

    assert await kept(rows, made) == [("hmac", True, None), ("hmac", False, old)]


async def test_without_an_overlap_the_old_secret_is_gone_at_once(client: httpx.AsyncClient, rows: Rows) -> None:
    made = await registered(client)

    await rotated(client, made, overlap=0)

    assert await kept(rows, made) == [("hmac", True, None)]


async def test_an_older_secret_ends_with_the_overlap_at_the_latest(client: httpx.AsyncClient, rows: Rows) -> None:
    made = await registered(client)
    await rotated(client, made, overlap=3600)

    await rotated(client, made, overlap=60)

    assert await kept(rows, made) == [("hmac", True, None), ("hmac", False, 1), ("hmac", False, 1)]


async def test_a_secret_may_be_brought(client: httpx.AsyncClient) -> None:
    made = await registered(client)

    assert await rotated(client, made, secret=SECRET) == {"secret": SECRET, "public_key": None}


async def test_a_private_key_is_renewed_and_its_public_half_shown(client: httpx.AsyncClient, rows: Rows) -> None:
    made = await registered(client, signature="ed25519")

    after = await rotated(client, made, secret=PRIVATE_KEY)

    assert after == {"secret": None, "public_key": PUBLIC_KEY} == await secret_of(client, made)
    assert (await seen(client, made))["public_key"] == PUBLIC_KEY
    assert await kept(rows, made) == [("ed25519", True, None), ("ed25519", False, 24 * 60)]


async def test_another_kind_of_signature_makes_a_new_secret_with_an_overlap(
    client: httpx.AsyncClient, rows: Rows
) -> None:
    made = await registered(client)

    after = await changed(client, made, signature="ed25519")

    assert (after["signature"], await secret_of(client, made)) == (
        "ed25519",
        {"secret": None, "public_key": after["public_key"]},
    )
    assert await kept(rows, made) == [("ed25519", True, None), ("hmac", False, 24 * 60)]


async def test_the_kind_of_signature_may_be_changed_back(client: httpx.AsyncClient, rows: Rows) -> None:
    made = await registered(client, signature="ed25519")

    after = await changed(client, made, signature=None)

    assert (after["signature"], after["public_key"]) == ("hmac", None)
    assert str((await secret_of(client, made))["secret"]).startswith("whsec_")
    assert [kind for kind, *_ in await kept(rows, made)] == ["hmac", "ed25519"]


async def test_ten_secrets_sign_at_a_time(client: httpx.AsyncClient, rows: Rows) -> None:
    made = await registered(client)
    for _ in range(11):
        await rotated(client, made)

    last = await rotated(client, made)

    assert await kept(rows, made) == [("hmac", True, None)] + [("hmac", False, 24 * 60)] * 9
    assert await secret_of(client, made) == last


async def test_rotations_at_once_leave_one_present_secret(client: httpx.AsyncClient, rows: Rows) -> None:
    made = await registered(client)

    shown = await asyncio.gather(*(rotated(client, made) for _ in range(5)))

    assert [present for _, present, _ in await kept(rows, made)].count(True) == 1
    assert len(await kept(rows, made)) == 6
    assert await secret_of(client, made) in shown


@pytest.mark.parametrize(
    ("how", "where"),
    [
        ({"overlap": -1}, "/overlap"),
        ({"overlap": 604_801}, "/overlap"),
        ({"overlap": "1"}, "/overlap"),
        ({"secret": "whsec_c2hvcnQ="}, "/secret"),
        ({"secret": PRIVATE_KEY}, "/secret"),
        ({"keep": True}, "/keep"),
    ],
)
async def test_what_cannot_be_rotated_to_is_refused(
    client: httpx.AsyncClient, rows: Rows, how: Json, where: str
) -> None:
    made = await registered(client)

    answer = await client.post(path_of(made, "/secret/rotate"), json=how)

    assert pointers(answer) == [where]
    assert await kept(rows, made) == [("hmac", True, None)]


async def test_reading_a_secret_needs_a_scope_of_its_own(acme: Account, operator: httpx.AsyncClient) -> None:
    made = await registered(acme.client)
    wish = {"name": "k", "scopes": ["endpoints:read", "endpoints:write"]}
    key: Json = (await acme.client.post("/v1/keys", json=wish)).json()

    answer = await operator.get(path_of(made, "/secret"), headers={"Authorization": f"Bearer {key['key']}"})

    refused(answer, 403, "forbidden")
