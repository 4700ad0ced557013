"""Spectral reads the OpenAPI document, by its own rules and ours, and has nothing to say."""

from pathlib import Path

import pytest

from api.openapi import COMMITTED
from tests.support.node_packages import run_node

HERE = Path(__file__).parent / "spectral"
PROGRAM = "@stoplight/spectral-cli/dist/index.js"


def lint(document: Path) -> str:
    done = run_node(
        HERE, PROGRAM, "lint", "--quiet", "--fail-severity=hint", f"--ruleset={HERE / 'ruleset.yaml'}", str(document)
    )
    return f"{done.returncode} {done.stdout}{done.stderr}".strip()


@pytest.mark.timeout(300)  # the first time, npm fetches it
def test_spectral_has_nothing_to_say_about_the_document() -> None:
    assert lint(COMMITTED) == "0"


@pytest.mark.timeout(300)
def test_spectral_finds_an_error_that_is_no_problem(tmp_path: Path) -> None:
    broken = tmp_path / "openapi.json"
    broken.write_text(COMMITTED.read_text().replace('"application/problem+json"', '"text/plain"'))

    assert "problem-details" in lint(broken)
