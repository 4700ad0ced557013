"""Whether the process lives, and whether it can work; what a client is told while a store is away."""

from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

import httpx
import pytest

from cli.embedded.postgres import Postgres
from cli.embedded.redis import Redis
from cli.embedded.store import end, start
from tests.conftest import migrate
from tests.support.accounts import refused
from tests.support.apps import serving, settings_of
from tests.support.offering import offer_task_types
from tests.support.pulse import stopwatch
from tests.support.stores import private_directory

ALL = {"database": "ok", "redis": "ok", "broker": "ok"}
WITHIN = 5.0


async def test_a_living_process_says_so_without_a_key(nobody: httpx.AsyncClient) -> None:
    answer = await nobody.get("/healthz")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert answer.headers["cache-control"] == "no-store"


async def test_a_process_that_can_work_names_every_store(nobody: httpx.AsyncClient) -> None:
    answer = await nobody.get("/readyz")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "checks": ALL})
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("away", ["database", "redis", "broker"])
async def test_a_store_that_is_away_is_named(
    api_database: str, redis_store: str, redis_broker_url: str, away: str
) -> None:
    stores = {"database": api_database, "redis": redis_store, "broker": redis_broker_url}
    async with serving(settings_of(**{name: url for name, url in stores.items() if name != away})) as client:
        ready, alive = await client.get("/readyz"), await client.get("/healthz")

    assert (ready.status_code, ready.json()) == (
        503,
        {"status": "unavailable", "checks": ALL | {away: "unavailable"}},
    )
    assert alive.status_code == 200


async def test_a_database_without_task_types_is_not_ready(
    database_url: str, redis_store: str, redis_broker_url: str
) -> None:
    async with serving(settings_of(database=database_url, redis=redis_store, broker=redis_broker_url)) as client:
        answer = await client.get("/readyz")

    assert (answer.status_code, answer.json()["checks"]["database"]) == (503, "unavailable")


@dataclass
class Mortal:
    """A Postgres that a test may end."""

    store: Postgres
    process: Popen[bytes]

    def die(self) -> None:
        """End it at once."""
        end(self.store, self.process)


@pytest.fixture
def mortal() -> Generator[Mortal]:
    """A migrated Postgres of the test's own."""
    with private_directory() as directory:
        store = Postgres(directory / "data", directory, log=directory / "log", durable=False)
        made = Mortal(store, start(store))
        migrate(store.url)
        yield made
        made.die()


@pytest.fixture
async def orphaned(mortal: Mortal, redis_store: str, redis_broker_url: str) -> AsyncGenerator[httpx.AsyncClient]:
    """An API that has worked, and whose database is gone."""
    await offer_task_types(mortal.store.url)
    settings = settings_of(database=mortal.store.url, redis=redis_store, broker=redis_broker_url)
    async with serving(settings) as client:
        made = await client.post("/v1/tenants", json={"slug": "acme", "name": "Acme"})
        assert made.status_code == 201, made.text
        mortal.die()
        yield client


async def test_a_lost_database_means_try_again_within_seconds(orphaned: httpx.AsyncClient) -> None:
    with stopwatch() as spent:
        answer = await orphaned.get("/v1/tasks", headers={"Ringback-Tenant": "acme"})
        assert spent() < WITHIN

    refused(answer, 503, "unavailable")
    assert int(answer.headers["retry-after"]) >= 1


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/tenants", None),
        ("POST", "/v1/tasks", {"type": "math.divide", "input": {"x": 1, "y": 4}}),
        ("POST", "/v1/endpoints", {"url": "https://192.0.2.1/"}),
    ],
)
async def test_a_database_that_never_came_means_try_again_within_seconds(
    redis_broker_url: str, method: str, path: str, body: dict[str, object] | None
) -> None:
    async with serving(settings_of(broker=redis_broker_url)) as client:
        with stopwatch() as spent:
            answer = await client.request(method, path, json=body, headers={"Ringback-Tenant": "acme"})
            assert spent() < WITHIN

    refused(answer, 503, "unavailable")


async def test_a_broker_that_is_away_refuses_no_task(api_database: str, redis_store: str) -> None:
    async with serving(settings_of(database=api_database, redis=redis_store)) as client:
        tenant = (await client.post("/v1/tenants", json={"slug": f"t-{id(client)}", "name": "Acme"})).json()["id"]
        task = {"type": "math.divide", "input": {"x": 1, "y": 4}}

        answer = await client.post("/v1/tasks", json=task, headers={"Ringback-Tenant": tenant})

    assert answer.status_code == 303


async def test_a_redis_that_came_back_is_used_again(api_database: str, redis_broker_url: str) -> None:
    with private_directory() as directory:
        store = Redis(Path(directory) / "data", directory, log=directory / "log", durable=False)
        process = start(store)
        settings = settings_of(database=api_database, redis=store.redis_url, broker=redis_broker_url)
        async with serving(settings) as client:
            end(store, process)
            without = await client.get("/readyz")
            process = start(store)
            again = await client.get("/readyz")
        end(store, process)

    assert (without.json()["checks"]["redis"], again.json()["checks"]["redis"]) == ("unavailable", "ok")
