"""Databases without tables."""

from collections.abc import Generator
from uuid import uuid4

import pytest

from tests.support.stores import PostgresServer


@pytest.fixture
def empty(postgres: PostgresServer) -> Generator[str]:
    """An empty database."""
    name = f"empty_{uuid4().hex}"
    yield postgres.create_database(name)
    postgres.drop_database(name)
