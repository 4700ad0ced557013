"""A store that works through what an earlier run left behind is waited for; one that does nothing is not."""

import socket
import threading
from collections.abc import Generator
from pathlib import Path
from signal import SIGTERM, Signals
from subprocess import Popen

import pytest

from cli.embedded import store as starting
from cli.embedded.postgres import Postgres
from cli.embedded.processes import stop
from cli.embedded.redis import Redis
from cli.embedded.store import start, wait_until_ready
from core.model.start_error import StartError
from tests.support.stores import private_directory

LOADING = b"-LOADING Redis is loading the dataset in memory\r\n"


class Slow:
    """A store that takes connections when it has been asked so many times, and works until then, or does not."""

    name = "slow"
    stop_signal: Signals = SIGTERM

    def __init__(self, log: Path, process: Popen[bytes], *, looks: int, recovers: bool) -> None:
        self.log = log
        self._process = process
        self._left = looks
        self._recovers = recovers

    def launch(self) -> Popen[bytes]:
        return self._process

    def is_ready(self, process: Popen[bytes]) -> bool:
        self._left -= 1
        return process.poll() is None and self._left <= 0

    def is_recovering(self, process: Popen[bytes]) -> bool:
        return process.poll() is None and self._recovers


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> Generator[Popen[bytes]]:
    """What lives on while a start may take no time at all."""
    monkeypatch.setattr(starting, "_START_LIMIT", 0.0)
    with Popen(["/bin/sleep", "600"]) as running:
        yield running
        stop(running, SIGTERM, 10)


@pytest.fixture
def directory() -> Generator[Path]:
    with private_directory() as path:
        yield path


def answer_once(listening: socket.socket, answer: bytes) -> None:
    connection, _ = listening.accept()
    with connection:
        connection.recv(64)
        connection.sendall(answer)


def test_a_store_that_recovers_is_waited_for_and_told_of(
    process: Popen[bytes], directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wait_until_ready(Slow(directory / "log", process, looks=3, recovers=True), process)

    word = f"ringback: slow reads what it has from before; its log is {directory / 'log'}\n"
    assert capsys.readouterr().err == 2 * word
    assert process.poll() is None


def test_a_store_that_does_nothing_is_ended(process: Popen[bytes], directory: Path) -> None:
    with pytest.raises(StartError, match="slow takes too long to start"):
        start(Slow(directory / "log", process, looks=3, recovers=False))

    assert process.poll() is not None


@pytest.mark.parametrize(("answer", "recovers"), [(LOADING, True), (b"+PONG\r\n", False), (b"-ERR\r\n", False)])
def test_redis_recovers_while_it_says_that_it_loads(
    process: Popen[bytes], directory: Path, answer: bytes, *, recovers: bool
) -> None:
    redis = Redis(directory / "data", directory, log=directory / "log")
    path = redis.redis_url.removeprefix("unix://").partition("?")[0]
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        answering = threading.Thread(target=answer_once, args=(listening, answer))
        answering.start()

        found = redis.is_recovering(process)

        answering.join()
    assert found is recovers


@pytest.mark.parametrize(("status", "recovers"), [("starting", True), ("ready   ", False), ("stopping", False)])
def test_postgres_recovers_while_its_file_says_so(
    process: Popen[bytes], directory: Path, status: str, *, recovers: bool
) -> None:
    postgres = Postgres(directory / "data", directory, log=directory / "log")
    (directory / "data").mkdir()
    (directory / "data" / "postmaster.pid").write_text(f"{process.pid}\n/data\n1\n5432\n/run\n\n1 2\n{status}\n")

    assert postgres.is_recovering(process) is recovers
