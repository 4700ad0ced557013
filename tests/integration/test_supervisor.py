import os
import re
import shutil
import socket
import subprocess
from collections.abc import Generator
from pathlib import Path
from signal import SIGKILL, SIGTERM

import pytest

from core.model.api_key import new_api_key
from tests.support.process_ends import has_ended
from tests.support.stores import ask, ask_patiently, private_directory
from tests.support.supervised import API, GIVEN_STORES, IDLE, STUBBORN, supervised

READY = "Ringback is ready"
FAILING = "raise SystemExit('the cupboard is bare')"
TELLING = "import os; print('env', {name!r}, os.environ.get({name!r}), flush=True); import signal; signal.pause()"


@pytest.fixture
def data_dir() -> Generator[Path]:
    with private_directory() as path:
        yield path / "a directory with spaces"


def test_everything_starts_and_an_interrupt_ends_it_cleanly(data_dir: Path) -> None:
    with supervised(data_dir, {"api": API, "worker": IDLE}) as running:
        worker = running.pid_of("worker")
        running.read_until(READY)
        postgres = _postmaster(data_dir)

        code = running.interrupt()

    assert (code, has_ended(worker), has_ended(postgres)) == (0, True, True)
    assert "Traceback" not in running.heard
    assert not os.path.lexists(data_dir / "run")


def test_a_termination_ends_it_as_an_interrupt_does(data_dir: Path) -> None:
    with supervised(data_dir, {"worker": IDLE}, env=GIVEN_STORES) as running:
        worker = running.pid_of("worker")

        running.process.send_signal(SIGTERM)

        assert (running.end(), has_ended(worker)) == (0, True)


def test_a_child_that_dies_is_started_again(data_dir: Path) -> None:
    with supervised(data_dir, {"worker": IDLE}, env=GIVEN_STORES) as running:
        first = running.pid_of("worker")

        os.kill(first, SIGKILL)

        running.read_until(r"^ringback \| worker was ended by SIGKILL; starting it again in 0\.2 s$")
        assert running.pid_of("worker") != first


def test_a_child_that_keeps_dying_ends_everything_with_its_last_words(data_dir: Path) -> None:
    with supervised(data_dir, {"worker": FAILING, "other": IDLE}, env=GIVEN_STORES) as running:
        other = running.pid_of("other")

        code = running.end()

    assert (code, has_ended(other)) == (1, True)
    assert "ringback |   the cupboard is bare\n" in running.heard
    assert running.heard.endswith("ringback: worker keeps dying (ended with exit code 1)\n")


def test_a_store_that_dies_is_started_again_where_it_was(data_dir: Path) -> None:
    with supervised(data_dir, {"api": API, "worker": TELLING.format(name="RINGBACK_DATABASE_URL")}) as running:
        url = running.read_until(r"^worker \| env \S+ (\S+)$").group(1)
        running.read_until(READY)
        ask(url, "CREATE TABLE things AS SELECT 7 AS number")

        os.kill(_postmaster(data_dir), SIGKILL)

        running.read_until(r"^ringback \| postgres was ended by SIGKILL; starting it again")
        running.read_until(r"^ringback \| postgres runs again$")
        assert ask_patiently(url, "SELECT number FROM things") == "7"


def test_a_child_that_does_not_end_is_killed_at_the_second_interrupt(data_dir: Path) -> None:
    with supervised(data_dir, {"worker": STUBBORN}, env=GIVEN_STORES) as running:
        worker = running.pid_of("worker")

        code = running.interrupt_until_it_ends()

    assert (code, has_ended(worker)) == (0, True)
    assert "ringback | stopping; once more hurries\n" in running.heard


def test_a_failed_migration_ends_everything_with_its_last_words(data_dir: Path) -> None:
    with supervised(data_dir, {"worker": IDLE}, migration=FAILING, env=GIVEN_STORES) as running:
        code = running.end()

    assert code == 1
    assert running.heard == (
        "ringback | migrations failed; its last words:\n"
        "ringback |   the cupboard is bare\n"
        "ringback: migrations failed (ended with exit code 1)\n"
    )


def test_an_interrupt_during_the_migration_ends_everything(data_dir: Path) -> None:
    began = data_dir.with_name("began")
    os.mkfifo(began)
    waiting = f"open({str(began)!r}, 'w').close(); {IDLE}"
    with supervised(data_dir, {"worker": IDLE}, migration=waiting, env=GIVEN_STORES) as running:
        began.read_text()  # waits until the migration opens it

        code = running.interrupt()

    assert code == 0
    assert "worker" not in running.heard


def test_after_a_crash_of_the_supervisor_nothing_is_left(data_dir: Path) -> None:
    with supervised(data_dir, {"api": API, "worker": STUBBORN}) as running:
        worker = running.pid_of("worker")
        running.read_until(READY)
        postgres = _postmaster(data_dir)

        running.kill()

        assert has_ended(worker)
        assert has_ended(postgres)


def test_after_a_crash_of_the_supervisor_the_next_start_works(data_dir: Path) -> None:
    with supervised(data_dir, {"api": API}) as crashed:
        crashed.read_until(READY)
        sockets = (data_dir / "run").readlink()
        crashed.kill()

    with supervised(data_dir, {"api": API}) as running:
        running.read_until(READY)

        assert not sockets.exists()


def test_a_second_start_on_the_same_data_is_refused_in_one_line(data_dir: Path) -> None:
    with supervised(data_dir, {"worker": IDLE}, env=GIVEN_STORES) as first:
        first.pid_of("worker")

        with supervised(data_dir, {"worker": IDLE}, env=GIVEN_STORES) as second:
            code = second.end()

        holder = first.process.pid
    assert (code, second.heard) == (
        1,
        f"ringback: {data_dir} is in use by process {holder}; give --data-dir another\n",
    )


def test_two_instances_run_side_by_side(data_dir: Path) -> None:
    other = data_dir.with_name("other")
    with supervised(data_dir, {"api": API}) as first, supervised(other, {"api": API}) as second:
        first.read_until(READY)

        second.read_until(READY)

        assert _postmaster(data_dir) != _postmaster(other)
        assert (first.interrupt(), second.interrupt()) == (0, 0)


def test_a_taken_port_is_refused_in_one_line_before_anything_starts(data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])

        with supervised(data_dir, {"worker": IDLE}, env={"RINGBACK_PORT": port}) as running:
            code = running.end()

    assert (code, running.heard) == (
        1,
        f"ringback: cannot listen on 127.0.0.1:{port}: Address already in use; choose another with --port\n",
    )
    assert not (data_dir / "postgres").exists()


def test_an_operator_key_with_a_wrong_checksum_is_refused_in_one_line(data_dir: Path) -> None:
    wrong = f"{new_api_key()[:-1]}-"

    with supervised(data_dir, {"worker": IDLE}, env={"RINGBACK_OPERATOR_KEY": wrong}) as running:
        code = running.end()

    expected = "ringback: RINGBACK_OPERATOR_KEY is not a key of Ringback: its checksum is wrong\n"
    assert (code, running.heard) == (1, expected)


def test_a_database_of_ones_own_without_a_key_ring_is_refused_in_one_line(data_dir: Path) -> None:
    env = {"RINGBACK_DATABASE_URL": "postgresql://given/given"}

    with supervised(data_dir, {"worker": IDLE}, env=env) as running:
        code = running.end()

    assert code == 1
    assert running.heard.startswith("ringback: RINGBACK_SECRET_KEYS is not set: ")
    assert running.heard.count("\n") == 1


def test_a_setting_that_makes_no_sense_is_refused_in_one_line(data_dir: Path) -> None:
    with supervised(data_dir, {"worker": IDLE}, env={"RINGBACK_LEASE": "soon"}) as running:
        code = running.end()

    assert code == 1
    assert running.heard.startswith("ringback: RINGBACK_LEASE: ")
    assert running.heard.count("\n") == 1


def test_the_operators_key_is_made_and_shown_once_and_kept_privately(data_dir: Path) -> None:
    with supervised(data_dir, {"api": API}, env=GIVEN_STORES) as first:
        first.read_until("curl .*/v1/deliveries")
    with supervised(data_dir, {"api": API}, env=GIVEN_STORES) as second:
        second.read_until("curl .*/v1/deliveries")

    key = (data_dir / "operator.key").read_text().strip()
    assert (key in first.heard, key in second.heard) == (True, False)
    assert (data_dir / "operator.key").stat().st_mode & 0o777 == 0o600


def test_the_tenant_default_is_made(data_dir: Path) -> None:
    with supervised(data_dir, {"api": API}, env=GIVEN_STORES) as running:
        posted = running.read_until(r"^api \| posted /v1/tenants (.*)$").group(1)

    assert posted == '{"slug": "default", "name": "Default"}'


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RINGBACK_HTTPS_ONLY", "false"),
        ("RINGBACK_DATABASE_URL", r"postgresql://ringback@/ringback\?host=/tmp/\S+/pg&port=5432"),
        ("RINGBACK_BROKER_URL", r"redis\+socket:///tmp/\S+/redis.sock\?virtual_host=0"),
        ("RINGBACK_REDIS_URL", r"unix:///tmp/\S+/redis.sock\?db=1"),
        ("RINGBACK_OPERATOR_KEY", "rb_[0-9A-Za-z]{42}"),
        ("RINGBACK_SECRET_KEYS", "[0-9A-Za-z+/]{43}="),
    ],
)
def test_the_children_are_told(data_dir: Path, name: str, value: str) -> None:
    with supervised(data_dir, {"worker": TELLING.format(name=name)}) as running:
        told = running.read_until(rf"^worker \| env {name} (.*)$").group(1)

    assert re.fullmatch(value, told)


def test_what_is_set_is_left_as_it_is(data_dir: Path) -> None:
    env = GIVEN_STORES | {"RINGBACK_HTTPS_ONLY": "true"}

    with supervised(data_dir, {"worker": TELLING.format(name="RINGBACK_HTTPS_ONLY")}, env=env) as running:
        told = running.read_until(r"^worker \| env RINGBACK_HTTPS_ONLY (.*)$").group(1)

    assert told == "true"


@pytest.mark.skipif(shutil.which("curl") is None, reason="the lines are meant for curl")
def test_the_lines_shown_at_the_start_work_when_pasted(data_dir: Path) -> None:
    with supervised(data_dir, {"api": API}, env=GIVEN_STORES) as running:
        running.read_until(READY)
        running.read_until("curl .*/v1/deliveries")
        lines = "\n".join(re.findall("^(?:TASK=|curl ).*", running.heard, re.MULTILINE))

        pasted = subprocess.run(["bash", "-c", lines], capture_output=True, text=True, check=True)

    assert pasted.stdout.splitlines() == [
        f"http://127.0.0.1:{running.port}/v1/tasks/task_1",
        '{"path": "/v1/tasks/task_1", "tenant": "default"}',
        '{"path": "/v1/deliveries", "tenant": "default"}',
    ]


def _postmaster(data_dir: Path) -> int:
    return int((data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0])
