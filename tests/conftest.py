"""Fixtures: real stores, one of each for a worker of the test run; a fresh database for each test."""

import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator
from uuid import uuid4

import pytest

from core.database import Database
from tests.support.brokers import delete_queues
from tests.support.rabbitmq import RabbitServer, rabbitmq_server
from tests.support.stores import PostgresServer, ask_redis, postgres_server, redis_server

TEMPLATE = "ringback_template"
SLOW = ("conformance", "e2e", "chaos", "model", "clients", "browser")
"""Folders whose modules begin first, so that none of them is left to one worker while the other has nothing to do."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the modules that take longest first; their order is kept by `--no-loadscope-reorder`."""
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    folder = item.path.parent.name
    return SLOW.index(folder) if folder in SLOW else len(SLOW)


@pytest.fixture(scope="session")
def postgres() -> Generator[PostgresServer]:
    """A Postgres whose template database is migrated."""
    with postgres_server() as server:
        migrate(server.create_database(TEMPLATE))
        yield server


def migrate(url: str, *arguments: str) -> None:
    """Run Alembic on a database."""
    command = [sys.executable, "-m", "alembic", *(arguments or ("upgrade", "head"))]
    subprocess.run(command, check=True, capture_output=True, env=os.environ | {"RINGBACK_DATABASE_URL": url})


@pytest.fixture
def database_url(postgres: PostgresServer) -> Generator[str]:
    """A migrated database of the test's own."""
    name = f"test_{uuid4().hex}"
    yield postgres.create_database(name, TEMPLATE)
    postgres.drop_database(name)


@pytest.fixture
async def database(database_url: str) -> AsyncGenerator[Database]:
    """The pools of a process on the test's own database."""
    opened = Database(database_url)
    await opened.ping()
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
def redis_store() -> Generator[str]:
    """A Redis of this worker's own."""
    with redis_server() as url:
        yield url


@pytest.fixture
def redis_url(redis_store: str) -> str:
    """An empty Redis."""
    ask_redis(redis_store, "FLUSHALL")
    return redis_store


@pytest.fixture
def redis_broker_url(redis_url: str) -> str:
    """The embedded broker: Kombu's Redis transport in RabbitMQ's place."""
    return redis_url.replace("unix://", "redis+socket://").replace("?db=1", "?virtual_host=0")


@pytest.fixture(scope="session")
def rabbitmq_store() -> Generator[RabbitServer]:
    """A RabbitMQ; tests that use it carry `xdist_group("rabbitmq")`, so that one is started."""
    with rabbitmq_server(durable=False) as server:
        yield server


@pytest.fixture
def rabbitmq(rabbitmq_store: RabbitServer) -> RabbitServer:
    """A RabbitMQ without queues."""
    delete_queues(rabbitmq_store.url)
    return rabbitmq_store


@pytest.fixture(params=["redis", pytest.param("rabbitmq", marks=pytest.mark.xdist_group("rabbitmq"))])
def broker_url(request: pytest.FixtureRequest) -> str:
    """Each broker in turn: the embedded transport, and RabbitMQ."""
    if request.param == "rabbitmq":
        server: RabbitServer = request.getfixturevalue("rabbitmq")
        return server.url
    url: str = request.getfixturevalue("redis_broker_url")
    return url
