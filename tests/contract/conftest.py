"""A real API process for all contract tests of a worker, and tenants of each test's own."""

import asyncio
from collections.abc import AsyncGenerator, Generator

import httpx
import pytest

from core.database import Database
from tests.conftest import TEMPLATE
from tests.support.accounts import Account, client_of, open_account
from tests.support.offering import offer_task_types
from tests.support.rows import Rows
from tests.support.stack import Stack
from tests.support.stores import PostgresServer
from workers.task_types import mathematics, words

BUILT_IN = (mathematics, words)


@pytest.fixture(scope="session")
def api_database(postgres: PostgresServer) -> Generator[str]:
    """The database of the API, in which the built-in task types are registered."""
    url = postgres.create_database("contract", TEMPLATE)
    asyncio.run(offer_task_types(url))
    yield url
    postgres.drop_database("contract")


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory, api_database: str, redis_store: str) -> Generator[Stack]:
    """An API process."""
    broker = redis_store.replace("unix://", "redis+socket://").replace("?db=1", "?virtual_host=0")
    stack = Stack(tmp_path_factory.mktemp("api"), database=api_database, broker=broker, redis=redis_store)
    try:
        stack.start("api")
        stack.wait_until_ready()
        yield stack
        stack.keep_secrets()
    finally:
        stack.close()


@pytest.fixture
async def operator(api: Stack) -> AsyncGenerator[httpx.AsyncClient]:
    """The operator, who acts for no tenant."""
    async with client_of(str(api.client.base_url), api.operator_key) as client:
        yield client


@pytest.fixture
async def nobody(api: Stack) -> AsyncGenerator[httpx.AsyncClient]:
    """A client without a key."""
    async with client_of(str(api.client.base_url), None) as client:
        yield client


@pytest.fixture
async def acme(operator: httpx.AsyncClient) -> AsyncGenerator[Account]:
    """A tenant."""
    account = await open_account(operator)
    async with account.client:
        yield account


@pytest.fixture
async def client(acme: Account) -> httpx.AsyncClient:
    """A client with the admin's key of a tenant."""
    return acme.client


@pytest.fixture
async def other(operator: httpx.AsyncClient) -> AsyncGenerator[Account]:
    """Another tenant."""
    account = await open_account(operator)
    async with account.client:
        yield account


@pytest.fixture
async def rows(api_database: str) -> AsyncGenerator[Rows]:
    """A factory of rows in the API's database."""
    database = Database(api_database)
    await database.ping()
    yield Rows(database)
    await database.close()
