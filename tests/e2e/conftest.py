"""A running product for the tests of the whole: one for a module and broker, a tenant for each test."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from tests.conftest import TEMPLATE
from tests.support.brokers import delete_queues
from tests.support.rabbitmq import RabbitServer
from tests.support.stack import Stack, running
from tests.support.stores import PostgresServer, ask_redis
from tests.support.threaded import ThreadedReceiver


@pytest.fixture
def receiver() -> Generator[ThreadedReceiver]:
    """A receiver that a test can script."""
    with ThreadedReceiver() as started:
        yield started


def on_redis(redis_store: str) -> str:
    """The embedded broker: Kombu's Redis transport in RabbitMQ's place."""
    return redis_store.replace("unix://", "redis+socket://").replace("?db=1", "?virtual_host=0")


@pytest.fixture(scope="module", params=["redis", pytest.param("rabbitmq", marks=pytest.mark.xdist_group("rabbitmq"))])
def module_broker(request: pytest.FixtureRequest, redis_store: str) -> str:
    """Each broker in turn."""
    if request.param == "redis":
        return on_redis(redis_store)
    server: RabbitServer = request.getfixturevalue("rabbitmq_store")
    delete_queues(server.url)
    return server.url


@pytest.fixture(scope="module")
def module_stack(
    tmp_path_factory: pytest.TempPathFactory, postgres: PostgresServer, redis_store: str, module_broker: str
) -> Generator[Stack]:
    """The product on each broker, with a quick retry schedule and short leases."""
    ask_redis(redis_store, "FLUSHALL")
    name = f"e2e_{uuid4().hex}"
    made = Stack(
        tmp_path_factory.mktemp("stack"),
        database=postgres.create_database(name, TEMPLATE),
        broker=module_broker,
        redis=redis_store,
        RETRY_SCHEDULE="1,1,1",
        LEASE="15",
        TIMEOUT="10",
    )
    with running(made):
        yield made
    postgres.drop_database(name)


@contextmanager
def product(directory: Path, postgres: PostgresServer, redis_store: str, **settings: str) -> Generator[Stack]:
    """Run the product on the embedded broker, with a database of its own, acting for a tenant."""
    ask_redis(redis_store, "FLUSHALL")
    name = f"e2e_{uuid4().hex}"
    database = postgres.create_database(name, TEMPLATE)
    with running(
        Stack(directory, database=database, broker=on_redis(redis_store), redis=redis_store, **settings)
    ) as up:
        up.make_tenant("acme")
        yield up
    postgres.drop_database(name)


@pytest.fixture
def stack(module_stack: Stack) -> Stack:
    """The running product, acting for a tenant of the test's own."""
    module_stack.make_tenant(f"t-{uuid4().hex}")
    return module_stack
