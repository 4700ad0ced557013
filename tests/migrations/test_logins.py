"""Whose login runs the migrations, and what it needs for that."""

import subprocess
from collections.abc import Generator

import pytest

from tests.conftest import migrate
from tests.support.stores import PostgresServer, ask, postgres_server

ROLES = "ringback_owner, ringback_tenant, ringback_engine"
MIGRATED = "SELECT count(*) FROM alembic_version"


@pytest.fixture
def server() -> Generator[PostgresServer]:
    """A cluster without our roles, with a login that may make none."""
    with postgres_server() as started:
        started.execute("CREATE ROLE plain LOGIN NOINHERIT")
        started.execute("CREATE DATABASE plain OWNER plain")
        yield started


def url(server: PostgresServer, database: str = "plain", user: str = "plain") -> str:
    return server.store.url_of(database, user=user)


def make_roles(server: PostgresServer) -> None:
    server.execute("CREATE ROLE ringback_owner; CREATE ROLE ringback_tenant; CREATE ROLE ringback_engine")


def test_a_login_that_makes_roles_needs_nobody(server: PostgresServer) -> None:
    migrate(server.store.url)

    assert ask(server.store.url, f"SET ROLE ringback_owner; {MIGRATED}") == "1"


def test_a_login_without_that_right_migrates_where_an_administrator_made_the_roles(server: PostgresServer) -> None:
    make_roles(server)
    server.execute(f"GRANT {ROLES} TO plain")

    migrate(url(server))

    assert ask(url(server), f"SET ROLE ringback_owner; {MIGRATED}") == "1"


def test_a_login_migrates_a_database_of_somebody_else_whose_owner_let_it(server: PostgresServer) -> None:
    make_roles(server)
    server.execute(f"GRANT {ROLES} TO plain; GRANT CREATE ON DATABASE ringback TO ringback_owner")
    ask(url(server, "ringback", "postgres"), "GRANT CREATE, USAGE ON SCHEMA public TO ringback_owner")

    migrate(url(server, "ringback"))

    assert ask(url(server, "ringback"), f"SET ROLE ringback_owner; {MIGRATED}") == "1"


def test_the_login_migrates_a_second_database_of_the_cluster(server: PostgresServer) -> None:
    migrate(server.store.url)

    migrate(server.create_database("second"))

    assert ask(server.url_of("second"), f"SET ROLE ringback_owner; {MIGRATED}") == "1"


def test_another_login_migrates_a_second_database_once_it_is_a_member(server: PostgresServer) -> None:
    migrate(server.store.url)
    server.execute(f"GRANT {ROLES} TO plain")

    migrate(url(server))

    assert ask(url(server), f"SET ROLE ringback_owner; {MIGRATED}") == "1"


def refusal(url: str) -> str:
    """Run the migrations where they cannot; return what they say."""
    with pytest.raises(subprocess.CalledProcessError) as refused:
        migrate(url)
    said: bytes = refused.value.stderr
    return said.decode()


def by_hand(said: str) -> str:
    """Return the statements that an administrator is asked to run."""
    return said.partition("\n\n")[2]


def test_missing_roles_are_asked_for_in_words(server: PostgresServer) -> None:
    said = refusal(url(server))

    assert "The login plain may not prepare the roles: permission denied to create role" in said
    assert "Traceback" not in said


def test_a_missing_membership_is_asked_for_in_words(server: PostgresServer) -> None:
    make_roles(server)

    said = refusal(url(server))

    assert "The login plain may not prepare the roles: permission denied to grant role" in said
    assert f'GRANT {ROLES} TO "plain";' in said


def test_what_the_refusal_asks_an_administrator_to_run_is_enough(server: PostgresServer) -> None:
    asked = by_hand(refusal(url(server, "ringback")))
    ask(url(server, "ringback", "postgres"), asked)

    migrate(url(server, "ringback"))

    assert ask(url(server, "ringback"), f"SET ROLE ringback_owner; {MIGRATED}") == "1"
