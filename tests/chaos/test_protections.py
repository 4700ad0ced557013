"""What the checker's teeth take away is where they look for it."""

import subprocess
import sys

import pytest

from tests.chaos.protections import TAKEN

TAKE_AWAY = "import sys; from tests.chaos.protections import take_away; take_away(sys.argv[1])"


@pytest.mark.parametrize("protection", TAKEN)
def test_a_protection_can_be_taken_away_from_a_process(protection: str) -> None:
    done = subprocess.run([sys.executable, "-c", TAKE_AWAY, protection], capture_output=True, text=True, check=False)

    assert done.stderr == ""
