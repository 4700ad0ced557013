"""The whole product, and two tenants whose keys may not see each other's things."""

from collections.abc import Generator

import pytest

from tests.conftest import TEMPLATE
from tests.support.stack import MODULES, Stack
from tests.support.stores import PostgresServer


@pytest.fixture
def stack(tmp_path_factory: pytest.TempPathFactory, postgres: PostgresServer, redis_store: str) -> Generator[Stack]:
    """API, worker and deliverer on stores of their own."""
    made = Stack(
        tmp_path_factory.mktemp("stack"),
        database=postgres.create_database("conformance", TEMPLATE),
        broker=redis_store.replace("unix://", "redis+socket://").replace("?db=1", "?virtual_host=0"),
        redis=redis_store,
    )
    try:
        made.start(*MODULES)
        made.wait_until_ready()
        yield made  # no look for secrets at the end: what is read is also sent again, as a description
    finally:
        made.close()
    postgres.drop_database("conformance")
