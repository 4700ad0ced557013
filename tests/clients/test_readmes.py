"""The pages of the clients, word for word: their code runs, and prints what stands below it."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final
from zipfile import ZipFile

from tests.clients.conftest import Account, code_of
from tests.support.typescript import run

CLIENTS: Final = Path(__file__).parents[2] / "clients"
CALL: Final = "print(receive('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', b'{}', {}))\n"
"""The pages define a function that takes a webhook, and have none to give to it."""


def printed(page: str) -> str:
    """Return all that a page says is printed."""
    return "".join(re.findall(r"```text\n(.*?)```", page, re.DOTALL))


def wheel(directory: Path) -> Path:
    """Build the package of Python as it is published; it can be imported from."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(directory)]
    subprocess.run(command, cwd=CLIENTS / "python", check=True, capture_output=True)
    (built_wheel,) = directory.glob("*.whl")
    return built_wheel


def test_the_package_of_python_is_typed_and_whole(tmp_path: Path) -> None:
    with ZipFile(wheel(tmp_path)) as package:
        names = set(package.namelist())

    source = CLIENTS / "python"
    wanted = {file.relative_to(source).as_posix() for file in source.glob("ringback/**/*.py")} | {"ringback/py.typed"}
    assert {name for name in names if name.startswith("ringback/")} == wanted


def test_the_page_of_python_does_what_it_says(account: Account, tmp_path: Path) -> None:
    page = (CLIENTS / "python" / "README.md").read_text(encoding="utf-8")
    script = tmp_path / "readme.py"
    script.write_text(code_of(page, "python") + CALL, encoding="utf-8")
    env = {**account.env, "PYTHONPATH": str(wheel(tmp_path)), "PYTHONWARNINGS": "error"}

    done = subprocess.run([sys.executable, script], env=env, capture_output=True, text=True, check=False)

    assert done.stderr == ""
    assert done.stdout == printed(page) + "401\n"


def test_the_page_of_typescript_does_what_it_says(account: Account, typescript: Path) -> None:
    page = (CLIENTS / "typescript" / "README.md").read_text(encoding="utf-8")

    done = run(typescript, "out/readme/page.js", env=account.env)

    assert done.stderr == ""
    assert done.stdout == printed(page) + "401\n"
