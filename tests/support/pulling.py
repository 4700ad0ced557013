"""What whoever pulls does: makes an endpoint to pull from, pulls, and says what became of it."""

from typing import cast

import httpx

from tests.support.accounts import Json, data
from tests.support.partners import path_of


async def pulled_from(client: httpx.AsyncClient, **wish: object) -> Json:
    """Make an endpoint to pull from; return it with its secret."""
    answer = await client.post("/v1/endpoints", json={"mode": "pull", **wish})
    assert answer.status_code == 201, answer.text
    made: Json = answer.json()
    return made


async def send(client: httpx.AsyncClient, *numbers: int, **event: object) -> None:
    """Send events of one type, one after another, each with its number."""
    for number in numbers:
        answer = await client.post("/v1/events", json={"type": "order.paid", "data": {"n": number}, **event})
        assert answer.status_code == 202, answer.text


async def pull(client: httpx.AsyncClient, endpoint: Json, **wanted: object) -> list[Json]:
    """Pull what is there, or what comes within `wait` seconds."""
    return data(await client.post(path_of(endpoint, "/pull"), json=wanted, timeout=30))


async def ack(client: httpx.AsyncClient, endpoint: Json, *acks: Json) -> list[Json]:
    """Say what became of what was pulled; return the deliveries as they stand then."""
    return data(await client.post(path_of(endpoint, "/ack"), json={"acks": acks}))


async def attempts(client: httpx.AsyncClient, pulled: Json) -> list[Json]:
    """Return what the log holds of a pulled delivery."""
    return data(await client.get(f"/v1/deliveries/{pulled['delivery_id']}/attempts"))


def request_of(pulled: Json) -> tuple[dict[str, str], str]:
    """Return the headers and the body that were handed out."""
    request = cast("dict[str, object]", pulled["request"])
    return cast("dict[str, str]", request["headers"]), str(request["body"])


def bodies(pulled: list[Json]) -> list[str]:
    """Return the bodies that were handed out."""
    return [request_of(one)[1] for one in pulled]
