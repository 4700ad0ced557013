"""What `ringback trigger` and its like import before they do anything: each module is time that somebody waits."""

import subprocess
import sys

import pytest

HEAVY = {"asyncio", "cryptography", "fastapi", "pydantic", "sqlalchemy"}


@pytest.mark.parametrize("module", ["cli.commands", "cli.remote.listen", "cli.remote.events"])
def test_a_command_that_calls_the_api_imports_nothing_of_the_platform(module: str) -> None:
    code = f"import sys, {module}; print(*sorted({HEAVY!r} & set(sys.modules)))"

    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert done.stdout.strip() == ""
