"""A running product for the tests of the whole."""

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.support.stack import Stack, running
from tests.support.threaded import ThreadedReceiver


@pytest.fixture
def receiver() -> Generator[ThreadedReceiver]:
    """A receiver that a test can script."""
    with ThreadedReceiver() as started:
        yield started


@pytest.fixture
def stack(tmp_path: Path, database_url: str, broker_url: str, redis_url: str) -> Generator[Stack]:
    """The product on each broker, with a quick retry schedule and short leases."""
    made = Stack(
        tmp_path,
        database=database_url,
        broker=broker_url,
        redis=redis_url,
        RETRY_SCHEDULE="1,1,1",
        LEASE="2",
        TIMEOUT="2",
    )
    with running(made):
        yield made
