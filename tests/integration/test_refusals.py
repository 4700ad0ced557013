"""A process that cannot start says why in one line, and nothing else."""

import subprocess
import sys

import pytest

STORES = {
    "RINGBACK_DATABASE_URL": "postgresql://ringback@127.0.0.1:1/ringback",
    "RINGBACK_BROKER_URL": "redis://127.0.0.1:1/0",
    "RINGBACK_REDIS_URL": "redis://127.0.0.1:1/1",
}


def refused(*argv: str, **settings: str) -> str:
    """Start a process of the product; return what it says when it does not."""
    done = subprocess.run([sys.executable, *argv], check=False, capture_output=True, env=settings, text=True)
    assert done.returncode == 1
    assert done.stdout == ""
    return done.stderr


@pytest.mark.parametrize("module", ["api", "workers", "workers.delivery"])
def test_a_process_without_settings_names_one(module: str) -> None:
    said = refused("-m", module)

    assert said.startswith("ringback: RINGBACK_")
    assert said.endswith(" is not set; `ringback up` sets it for the processes that it starts\n")
    assert said.count("\n") == 1


@pytest.mark.parametrize("module", ["api", "workers", "workers.delivery"])
def test_a_malformed_setting_is_named(module: str) -> None:
    said = refused("-m", module, RINGBACK_PORT="high")

    assert said.startswith("ringback: RINGBACK_PORT: ")
    assert said.count("\n") == 1


@pytest.mark.parametrize("name", ["RINGBACK_DATABASE_URL", "RINGBACK_BROKER_URL", "RINGBACK_REDIS_URL"])
@pytest.mark.parametrize("url", ["amqp://ringback:pa/ss@mq//", "mq:5672:1", "localhost"])
def test_a_malformed_url_is_named_and_not_repeated(name: str, url: str) -> None:
    said = refused("-m", "api", **{name: url})

    assert said.startswith(f"ringback: {name}: Value error, it is no URL; ")
    assert (said.count("\n"), "pa" in said.removeprefix(f"ringback: {name}").replace("password", "")) == (1, False)


def test_a_module_of_task_types_that_is_not_there_is_named() -> None:
    said = refused("-m", "workers", **STORES, RINGBACK_TASK_MODULES="shop.tasks")

    assert said.startswith("ringback: RINGBACK_TASK_MODULES: shop.tasks cannot be imported, there is no module shop;")
    assert said.count("\n") == 1


def test_migrations_of_a_database_that_cannot_be_reached_say_so() -> None:
    said = refused("-m", "cli", "migrate", **STORES)

    assert said.startswith("the database at RINGBACK_DATABASE_URL cannot be reached: ")
    assert said.count("\n") == 1
