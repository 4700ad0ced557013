"""What docker-compose.yml, the Dockerfile and .env.example say, as values that tests can ask."""

import re
import shlex
from pathlib import Path
from typing import Final

import yaml
from pydantic import BaseModel, ConfigDict

ROOT: Final = Path(__file__).parents[2]
_VARIABLE: Final = re.compile(r"(?<!\$)\$\{(?P<name>\w+)(?P<rest>[^}]*)\}")


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Limits(_Part):
    """What one container may use at most."""

    cpus: str
    memory: str
    pids: int


class _Resources(_Part):
    limits: Limits


class _Deploy(_Part):
    resources: _Resources


class Check(_Part):
    """How a container is asked whether it is well."""

    test: list[str] = []
    disable: bool = False


class Build(_Part):
    """Of what an image is built here."""

    dockerfile: str


class Dependency(_Part):
    """What another container must have reached."""

    condition: str


class Service(_Part):
    """One container."""

    image: str
    user: str
    read_only: bool
    cap_drop: list[str]
    security_opt: list[str]
    restart: str
    tmpfs: list[str]
    networks: list[str]
    healthcheck: Check
    deploy: _Deploy
    build: Build | None = None
    command: list[str] = []
    ports: list[str] = []
    volumes: list[str] = []
    environment: dict[str, str | None] = {}
    depends_on: dict[str, Dependency] = {}
    stop_grace_period: str = "10s"


class Network(_Part):
    """One network."""

    internal: bool = False


class Compose(_Part):
    """The whole file."""

    services: dict[str, Service]
    networks: dict[str, Network | None]
    volumes: dict[str, None]


class Variable(_Part):
    """`${NAME…}` in the file; `rest` is what stands behind the name."""

    name: str
    rest: str

    @property
    def required(self) -> bool:
        """Whether nothing starts without it."""
        return self.rest.startswith(":?")


def read(path: str) -> str:
    """Return a file of the repository."""
    return (ROOT / path).read_text(encoding="utf-8")


def compose() -> Compose:
    """Read docker-compose.yml, its anchors resolved."""
    return Compose.model_validate(yaml.safe_load(read("docker-compose.yml")))


def variables(text: str) -> list[Variable]:
    """Return every variable that Compose would put in."""
    return [Variable(name=found["name"], rest=found["rest"]) for found in _VARIABLE.finditer(text)]


def commands() -> dict[str, list[str]]:
    """Return, for each name that .env.example leaves empty, the command above it."""
    pairs = re.findall(r"^# (?P<command>python3 .*)\n(?P<name>\w+)=$", read(".env.example"), re.MULTILINE)
    return {name: shlex.split(command) for command, name in pairs}


def pins(path: str) -> dict[str, str]:
    """Return the packages of a requirements file with their versions."""
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", read(path), re.MULTILINE))
