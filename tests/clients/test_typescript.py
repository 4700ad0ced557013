"""The client of TypeScript: compiled, and its own tests run, one of which needs the product."""

from pathlib import Path

import pytest

from tests.clients.conftest import Account
from tests.support.typescript import run

VECTORS = Path(__file__).parents[1] / "vectors" / "standard-webhooks.json"


@pytest.mark.parametrize("name", ["product", "retries", "webhooks"])
def test_its_own_tests_pass(typescript: Path, account: Account, limited: Account, name: str) -> None:
    env = {**account.env, "LIMITED_API_KEY": limited.key, "VECTORS": str(VECTORS)}

    done = run(typescript, "--test", "--test-reporter=spec", f"out/test/{name}.test.js", env=env)

    assert done.returncode == 0, done.stdout
    assert "fail 0" in done.stdout
    assert "tests 0" not in done.stdout
