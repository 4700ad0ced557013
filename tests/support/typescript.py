"""The client of TypeScript, built as it is published, with its tests and the code of its page beside it."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.support.node_packages import NODE, installed

SOURCE: Final = Path(__file__).parents[2] / "clients" / "typescript"


def built(place: Path, **scripts: str) -> Path:
    """Compile the client, its tests, and scripts that use it, under their names in `readme`; type errors fail."""
    shutil.copytree(SOURCE, place, ignore=shutil.ignore_patterns("node_modules", "dist", "out"), dirs_exist_ok=True)
    (place / "node_modules").symlink_to(installed(SOURCE) / "node_modules")
    (place / "readme").mkdir()
    for name, text in scripts.items():
        (place / "readme" / f"{name}.ts").write_text(text, encoding="utf-8")
    for project in ("tsconfig.json", "tsconfig.test.json"):
        done = run(place, "node_modules/typescript/bin/tsc", "--project", project)
        assert done.returncode == 0, done.stdout
    return place


def run(place: Path, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run Node in that folder."""
    return subprocess.run([NODE, *arguments], cwd=place, env=env, capture_output=True, text=True, check=False)
