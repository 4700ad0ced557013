"""Every row of the contract's tables that the API serves has a test by its name."""

import re
from pathlib import Path
from typing import cast

import pytest

from api.app import create_app
from core.settings import Settings
from tests.contract.rows import ROWS

TESTS = Path(__file__).parents[1]
NAMED = {
    name
    for folder in ("contract", "e2e")
    for path in (TESTS / folder).glob("test_*.py")
    for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text(), re.MULTILINE)
}
PATHS = cast("dict[str, dict[str, object]]", create_app(Settings()).openapi()["paths"])


def row_of(operation: str) -> str:
    """Return an operation whatever its parameters are called."""
    return re.sub(r"{\w+}", "{}", operation)


UNDESCRIBED = {"GET /docs", "GET /openapi.json"}
SERVED = {row_of(f"{method.upper()} {path}") for path, methods in PATHS.items() for method in methods} | UNDESCRIBED


@pytest.mark.parametrize("row", ROWS)
def test_a_row_that_is_served_has_a_test(row: str) -> None:
    assert bool(ROWS[row]) == (row_of(row) in SERVED)


@pytest.mark.parametrize("row", ROWS)
def test_the_tests_of_a_row_are_there(row: str) -> None:
    assert set(ROWS[row]) <= NAMED


@pytest.mark.parametrize("operation", sorted(SERVED))
def test_an_operation_of_the_api_is_a_row(operation: str) -> None:
    assert operation in {row_of(row) for row in ROWS}
