"""Each technology stays where it belongs."""

import re

import pytest

from tests.house.tree import CODE, PRODUCT, Module, modules

STATEMENTS = frozenset({"text", "select", "insert", "update", "delete"})
SQL = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\s")
ENGINES = re.compile(r"^sqlalchemy\b.*\.create_\w*engine$|^asyncpg\b.*\.(connect|create_pool)$")
SQL_PLACES = re.compile(r".*queries\.py|core/model/tables/.*|core/(database|direct)\.py|migrations/.*")
BROKER_PLACES = re.compile(r"core/dispatch/.*|workers/(app|consuming|lifecycle|soft_limit)\.py|workers/task_types/.*")
CLIENT_PLACES = re.compile(
    r"workers/delivery/(dial|pool|send|transport|wire)\.py|cli/remote/(client|forward|trial)\.py"
)
CLOCKS = frozenset({"datetime.now", "datetime.utcnow", "datetime.today", "time.time", "time.time_ns"})


def outside(places: re.Pattern[str], *folders: str) -> list[Module]:
    return [module for module in modules(*folders) if not places.fullmatch(module.path)]


def importers(packages: set[str], within: list[Module]) -> list[str]:
    return [module.path for module in within if packages & {name.partition(".")[0] for name in module.imports()}]


def test_statements_are_made_in_queries_tables_database_and_migrations_only() -> None:
    made = {
        module.path: name
        for module in outside(SQL_PLACES, *PRODUCT)
        for name in module.imports()
        if name.partition(".")[0] == "sqlalchemy" and name.rpartition(".")[2] in STATEMENTS
    }

    assert made == {}


def test_sql_stands_in_queries_tables_database_and_migrations_only() -> None:
    written = [
        (module.path, string[:60])
        for module in outside(SQL_PLACES, *PRODUCT)
        for string in module.strings()
        if SQL.match(string)
    ]

    assert written == []


def test_engines_are_made_in_one_place_and_are_asynchronous() -> None:
    makers = {module.path: name for module in modules(*PRODUCT) for name in module.imports() if ENGINES.search(name)}

    assert makers == {"core/database.py": "sqlalchemy.ext.asyncio.create_async_engine"}


def test_the_broker_is_known_in_dispatch_and_around_the_celery_app_only() -> None:
    assert importers({"celery", "kombu", "amqp", "billiard"}, outside(BROKER_PLACES, *PRODUCT)) == []


def test_the_http_client_is_known_where_requests_are_sent_only() -> None:
    assert importers({"httpx", "httpcore", "aiohttp", "requests", "urllib3"}, outside(CLIENT_PLACES, *PRODUCT)) == []


def test_names_are_resolved_in_one_place_only() -> None:
    assert importers({"aiodns", "pycares", "dns"}, list(modules(*PRODUCT))) == [
        "core/name_channels.py",
        "core/resolver.py",
    ]


def test_tests_wait_for_what_happens_and_never_sleep() -> None:
    sleepers = [
        module.path for module in modules("tests") if any(call.rpartition(".")[2] == "sleep" for call in module.calls())
    ]

    assert sleepers == []


def test_tests_use_real_things() -> None:
    mocked = [
        module.path
        for module in modules("tests")
        if any(name.startswith(("unittest", "mock", "pytest_mock")) for name in module.imports())
    ]

    assert mocked == []


@pytest.mark.parametrize("folder", CODE)
def test_the_time_is_asked_in_one_place(folder: str) -> None:
    asked = [
        (module.path, call)
        for module in modules(folder)
        for call in module.calls()
        if any(call == clock or call.endswith(f".{clock}") for clock in CLOCKS)
    ]

    assert {path for path, _ in asked} <= {"core/clock.py", "clients/python/ringback/clock.py"}
