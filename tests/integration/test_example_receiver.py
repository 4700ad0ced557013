"""The receiver that newcomers start, as they start it."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cli.data_dir import DataDir
from core.clock import unix_seconds
from core.model.signature import SigningKey, format_secret, new_secret
from tests.support.answers import Answer
from tests.support.receiver import Receiver
from tests.support.sending import BODY, LANE, sending
from workers.delivery.exchange import OutgoingRequest
from workers.delivery.request import Destination, build_request

SCRIPT = Path(__file__).parents[2] / "examples" / "receiver.py"
KEY = new_secret()


@asynccontextmanager
async def started(*options: str, folder: Path | None = None) -> AsyncGenerator[Process]:
    """Start the script on a free port, with a secret or with a folder of a Ringback to ask for one."""
    command = (sys.executable, str(SCRIPT), "--port", "0", *(() if folder else ("--secret", format_secret(KEY))))
    env = os.environ | ({"RINGBACK_DATA_DIR": str(folder)} if folder else {})
    process = await asyncio.create_subprocess_exec(*command, *options, stdout=PIPE, stderr=PIPE, env=env)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def line(process: Process) -> str:
    """Return the next line that the script prints."""
    assert process.stdout is not None
    async with asyncio.timeout(60):
        return (await process.stdout.readline()).decode()


def signed(greeting: str, key: SigningKey) -> OutgoingRequest:
    """Return a request to where the script says that it listens."""
    destination, now = Destination(LANE, greeting.split()[2], {}), int(unix_seconds())
    return build_request(destination, (key,), event_id="evt_1", body=BODY, timestamp=now, timeout=5.0)


async def test_it_says_what_came_and_that_it_verifies() -> None:
    async with started() as process, sending() as sender:
        request = signed(await line(process), KEY)

        outcome = await sender.send(request)

        assert outcome.response is not None
        assert outcome.response.status == 204
        assert await line(process) == '#1 verified: evt_1 "a.b" {} -> 204\n'


async def test_it_fails_as_often_as_it_is_told_to() -> None:
    async with started("--fail", "1") as process, sending() as sender:
        request = signed(await line(process), KEY)

        outcomes = [await sender.send(request), await sender.send(request)]

    assert [outcome.response and outcome.response.status for outcome in outcomes] == [500, 204]


async def test_it_refuses_a_signature_by_another_key() -> None:
    async with started() as process, sending() as sender:
        request = signed(await line(process), new_secret())

        await sender.send(request)

        assert await line(process) == "#1 does not verify: No matching signature found -> 401\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data directory with the operator's key."""
    (tmp_path / "operator.key").write_text("rb_operator")
    return tmp_path


async def test_it_asks_the_ringback_that_runs_on_the_folder_for_the_secret(folder: Path) -> None:
    async with Receiver() as ringback, sending() as sender:
        ringback.script(Answer(200, body=f'{{"secret": "{format_secret(KEY)}"}}'.encode()))
        with DataDir(folder).told_url(ringback.url):
            async with started(folder=folder) as process:
                outcome = await sender.send(signed(await line(process), KEY))

    assert outcome.response is not None
    assert outcome.response.status == 204
    assert [one.header("authorization") for one in ringback.requests] == ["Bearer rb_operator"]


async def test_it_shows_the_key_to_nobody_who_took_the_port_of_one_that_was_killed(folder: Path) -> None:
    async with Receiver() as somebody:
        (folder / "url").write_text(f"{somebody.url}\n")
        async with started(folder=folder) as process:
            _, told = await process.communicate()

    assert (process.returncode, b"it does not run any more" in told) == (1, True)
    assert somebody.requests == ()
