import os
from collections.abc import Generator
from pathlib import Path
from signal import Signals
from subprocess import PIPE

import pytest

from cli.embedded.account import nobody, server_account
from cli.embedded.postgres import Postgres
from cli.embedded.postgres_binaries import installed_packages, programs_for
from cli.embedded.processes import BARE_ENVIRONMENT, spawn, stop
from cli.embedded.store import end, start
from core.model.start_error import StartError
from tests.support.compose import compose
from tests.support.ordinary_user import directory_of_ordinary_user, run_as_ordinary_user
from tests.support.stores import PostgresServer, ask, postgres_server, private_directory


@pytest.fixture
def directory() -> Generator[Path]:
    with private_directory() as path:
        yield path


@pytest.fixture(scope="module")
def server() -> Generator[PostgresServer]:
    with postgres_server() as running:
        yield running


@pytest.fixture
def postgres(directory: Path) -> Postgres:
    return Postgres(directory / "data", directory, log=directory / "log")


def test_the_login_may_make_roles_but_is_no_superuser_and_inherits_nothing(server: PostgresServer) -> None:
    columns = "rolcanlogin, rolcreaterole, rolsuper, rolinherit"

    role = ask(server.store.url, f"SELECT current_user, {columns} FROM pg_roles WHERE rolname = current_user")

    assert role == "ringback|t|t|f|f"


def test_the_database_belongs_to_the_login(server: PostgresServer) -> None:
    owner = ask(server.store.url, "SELECT datdba::regrole FROM pg_database WHERE datname = current_database()")

    assert owner == "ringback"


@pytest.mark.parametrize("setting", [word for word in compose().services["postgres"].command if "=" in word])
def test_the_composed_one_is_set_as_the_embedded_one_is(server: PostgresServer, setting: str) -> None:
    name, _, value = setting.partition("=")

    assert ask(server.superuser_url, f"SHOW {name}") == value


def test_nothing_listens_on_tcp(server: PostgresServer) -> None:
    assert ask(server.superuser_url, "SHOW listen_addresses") == ""


def test_a_database_is_copied_from_a_template(server: PostgresServer) -> None:
    ask(server.create_database("original"), "CREATE TABLE things AS SELECT 7 AS number")

    copy = server.create_database("copy", template="original")

    assert ask(copy, "SELECT number FROM things") == "7"


def test_a_test_server_does_not_sync(server: PostgresServer) -> None:
    assert ask(server.superuser_url, "SELECT current_setting('fsync')") == "off"


def test_a_server_is_durable_unless_told_otherwise(postgres: Postgres) -> None:
    process = start(postgres)

    settings = ask(postgres.url, "SELECT current_setting('fsync'), current_setting('synchronous_commit')")

    end(postgres, process)
    assert settings == "on|on"


def test_what_was_committed_is_there_after_a_stop_and_a_start(postgres: Postgres) -> None:
    first = start(postgres)
    ask(postgres.url, "CREATE TABLE things AS SELECT 7 AS number")
    end(postgres, first)

    second = start(postgres)

    number = ask(postgres.url, "SELECT number FROM things")
    end(postgres, second)
    assert (first.returncode, number) == (0, "7")


def test_a_server_starts_after_it_was_killed(postgres: Postgres) -> None:
    stop(start(postgres), Signals.SIGKILL, grace=10)

    process = start(postgres)

    assert ask(postgres.url, "SELECT 1") == "1"
    end(postgres, process)


def test_an_orphan_of_the_same_data_is_ended_first(postgres: Postgres, directory: Path) -> None:
    orphan = start(postgres)
    (directory / "other").mkdir()
    successor = Postgres(directory / "data", directory / "other", log=directory / "log")

    process = start(successor)

    assert orphan.wait(10) == 0
    assert ask(successor.url, "SELECT 1") == "1"
    end(successor, process)


def test_a_pid_file_that_names_a_living_stranger_is_no_hindrance(postgres: Postgres, directory: Path) -> None:
    end(postgres, start(postgres))
    account = server_account(directory / "data")
    stranger = spawn(
        ["/bin/cat"],
        death_signal=Signals.SIGKILL,
        env=BARE_ENVIRONMENT,
        stdin=PIPE,
        output=PIPE,
        cwd=Path("/"),
        account=account,
    )
    (directory / "data" / "postmaster.pid").write_text(f"{stranger.pid}\n{directory}\n0\n5432\n\n\n\nready\n")

    process = start(postgres)

    assert stranger.poll() is None
    end(postgres, process)
    stranger.communicate()


def test_two_servers_run_side_by_side(postgres: Postgres, server: PostgresServer) -> None:
    process = start(postgres)

    ask(postgres.url, "CREATE TABLE mine ()")

    assert ask(server.store.url, "SELECT to_regclass('mine') IS NULL") == "t"
    end(postgres, process)


def test_data_may_lie_on_a_long_path_under_a_closed_directory(directory: Path) -> None:
    closed = directory / "home"
    closed.mkdir(mode=0o700)
    deep = closed.joinpath(*(["a-rather-long-name-of-a-directory"] * 6))
    deep.mkdir(parents=True)
    postgres = Postgres(deep / "data", directory, log=directory / "log")

    process = start(postgres)

    assert ask(postgres.url, "SELECT 1") == "1"
    end(postgres, process)


def test_a_cluster_that_was_never_finished_is_made_anew(postgres: Postgres, directory: Path) -> None:
    (directory / "data.new").mkdir()
    (directory / "data.new" / "PG_VERSION").write_text("18\n")

    process = start(postgres)

    assert ask(postgres.url, "SELECT 1") == "1"
    assert not (directory / "data.new").exists()
    end(postgres, process)


def test_data_of_another_version_is_refused(directory: Path) -> None:
    (directory / "data").mkdir()
    (directory / "data" / "PG_VERSION").write_text("17\n")
    postgres = Postgres(directory / "data", directory, log=directory / "log")

    with pytest.raises(StartError, match="belongs to Postgres 17"):
        start(postgres)


def test_the_server_never_runs_as_root(postgres: Postgres) -> None:
    process = start(postgres)

    owner = Path(f"/proc/{process.pid}").stat().st_uid

    end(postgres, process)
    assert owner != 0


def test_an_ordinary_user_runs_a_server_too() -> None:
    account = nobody() if os.geteuid() == 0 else None
    packages = programs_for(account, installed_packages()).parents[2]
    with directory_of_ordinary_user() as directory:

        def work() -> None:
            postgres = Postgres(directory / "data", directory, log=directory / "log", packages=packages)
            end(postgres, start(postgres))

        outcome = run_as_ordinary_user(work)

        assert outcome == 0
        assert (directory / "data" / "PG_VERSION").stat().st_uid != 0
