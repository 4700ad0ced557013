"""What the integration tests share."""

import pytest

from core.database import Database
from tests.support.rows import Rows


@pytest.fixture
def rows(database: Database) -> Rows:
    """A factory of rows in the test's own database."""
    return Rows(database)
