"""`ringback up` with the real processes: what it prints works when it is pasted, and what it keeps is kept."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGINT
from typing import cast

import pytest

from cli.embedded.ports import free_port
from tests.support.command_line import environment, printed, run, started
from tests.support.stack import eventually
from tests.support.supervised import Supervised
from tests.support.threaded import ThreadedReceiver


@contextmanager
def up(data_dir: Path) -> Generator[Supervised]:
    port = free_port()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("RINGBACK_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "cli", "up", "--port", str(port), "--data-dir", str(data_dir)],
        env=inherited,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    running = Supervised(process, port)
    try:
        running.read_until("Ringback is ready")
        yield running
    finally:
        process.send_signal(SIGINT)
        process.communicate()


def printed_lines(running: Supervised) -> tuple[str, str, str]:
    submit = running.read_until(r"^TASK=.*").group(0)
    return submit, running.read_until(r"^curl .*").group(0), running.read_until(r"^curl .*").group(0)


def paste(lines: str) -> str:
    shell = subprocess.run(["bash", "-c", lines], check=True, capture_output=True, text=True, timeout=30)
    return shell.stdout.strip()


def test_the_printed_lines_work_when_they_are_pasted(tmp_path: Path) -> None:
    with up(tmp_path / "data") as running:
        submit, poll, deliveries = printed_lines(running)
        task = paste(submit)
        polled = eventually(lambda: _ended(paste(f"TASK={task}; {poll}")))
        listed = paste(deliveries)

    assert polled["result"] == 22 / 7
    assert json.loads(listed) == {"data": [], "next_cursor": None}


def test_ctrl_c_ends_everything_cleanly(tmp_path: Path) -> None:
    with up(tmp_path / "data") as running:
        code = running.interrupt()

    assert code == 0
    assert "Traceback" not in running.heard


@pytest.mark.parametrize("end", ["interrupt", "kill"])
def test_data_survives_a_restart_however_it_ended(tmp_path: Path, end: str) -> None:
    with up(tmp_path / "data") as running:
        task = paste(printed_lines(running)[0])
        {"interrupt": running.interrupt, "kill": running.kill}[end]()

    with up(tmp_path / "data") as again:
        port = again.port
        key = (tmp_path / "data" / "operator.key").read_text().strip()
        url = re.sub(r":\d+/", f":{port}/", task)
        found = paste(f'curl -sSf {url} -H "Authorization: Bearer {key}" -H "Ringback-Tenant: default"')

    assert task.rsplit("/", 1)[1] in found


def test_an_event_reaches_a_local_server_without_any_setting(tmp_path: Path) -> None:
    with up(tmp_path / ".ringback"), ThreadedReceiver() as local:
        env = environment(tmp_path)
        with started(env, "listen", "--forward", local.url, "--json", cwd=tmp_path) as shell:
            shell.line()
            sent = printed(run(env, "trigger", "order.paid", "--json", cwd=tmp_path))
            (received,) = local.wait_for(1, within=90)
            listening = shell.interrupt()

    assert (received.header("webhook-id"), received.json()["type"]) == (sent["id"], "order.paid")
    assert listening == 0


def test_what_is_sealed_is_sealed_anew_beside_it_without_any_setting(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cli", "reseal"]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("RINGBACK_")}
    settings = inherited | {"RINGBACK_DATA_DIR": str(tmp_path / "data")}
    with up(tmp_path / "data"):
        beside = subprocess.run(command, env=settings, check=True, capture_output=True, text=True)

    alone = subprocess.run(command, env=settings, check=False, capture_output=True, text=True)

    assert beside.stdout.startswith("secrets.sealed: 0 sealed anew, 0 unreadable\n")
    assert (alone.returncode, alone.stderr.count("\n")) == (1, 1)
    assert "`ringback up` does not run on" in alone.stderr


def _ended(polled: str) -> dict[str, object]:
    document = cast("dict[str, object]", json.loads(polled))
    assert document["status"] == "SUCCESS"
    return document
