"""The pages of the clients, word for word: their code runs, and prints what stands below it."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final
from zipfile import ZipFile

from tests.clients.conftest import Account
from tests.support.typescript import built, run

CLIENTS: Final = Path(__file__).parents[2] / "clients"


def code(page: str, language: str) -> str:
    """Return all code of a page, as one program."""
    blocks = re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)
    assert len(blocks) >= 5
    return "\n".join(blocks)


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
    script.write_text(code(page, "python"), encoding="utf-8")
    env = {**account.env, "PYTHONPATH": str(wheel(tmp_path)), "PYTHONWARNINGS": "error"}

    done = subprocess.run([sys.executable, script], env=env, capture_output=True, text=True, check=False)

    assert done.stderr == ""
    assert done.stdout == printed(page)


def test_the_page_of_typescript_does_what_it_says(account: Account, tmp_path: Path) -> None:
    page = (CLIENTS / "typescript" / "README.md").read_text(encoding="utf-8")
    place = built(tmp_path / "client", page=code(page, "ts"))

    done = run(place, "out/readme/page.js", env=account.env)

    assert done.stderr == ""
    assert done.stdout == printed(page)
