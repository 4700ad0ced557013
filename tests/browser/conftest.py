"""One product with something of everything in it, and one browser, for all tests of the dashboard.

They end with these tests: Playwright's event loop runs as long as the browser, and no other can beside it.
"""

from collections.abc import Generator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.conftest import TEMPLATE
from tests.support.showcase import Showcase, furnish
from tests.support.stack import Stack, running
from tests.support.stores import PostgresServer, ask_redis
from tests.support.threaded import ThreadedReceiver
from tests.support.visitor import PATIENCE, Visitor, launch, visiting


@pytest.fixture(scope="package")
def receiver() -> Generator[ThreadedReceiver]:
    """What the product sends to; it also serves the page around a portal."""
    with ThreadedReceiver() as started:
        yield started


@pytest.fixture(scope="package")
def show(
    tmp_path_factory: pytest.TempPathFactory, postgres: PostgresServer, redis_store: str, receiver: ThreadedReceiver
) -> Generator[Showcase]:
    """The product, after a real run with failures of every class and a task in progress."""
    ask_redis(redis_store, "FLUSHALL")
    stack = Stack(
        tmp_path_factory.mktemp("dashboard"),
        database=postgres.create_database("dashboard", TEMPLATE),
        broker=redis_store.replace("unix://", "redis+socket://").replace("?db=1", "?virtual_host=0"),
        redis=redis_store,
        RETRY_SCHEDULE="1,2,3",
        TIMEOUT="2",
        LEASE="60",
        PORTAL_ORIGINS=receiver.receiver.url_for("localhost", ""),
        PORTAL_NAME="Acme webhooks",
        PORTAL_ACCENT="#0f766e",
    )
    with running(stack):
        yield furnish(stack, receiver, tmp_path_factory.mktemp("gates"))
    postgres.drop_database("dashboard")


@pytest.fixture(scope="package")
def browser() -> Generator[Browser]:
    """Debian's Chromium."""
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        launched = launch(playwright)
        yield launched
        launched.close()


def _person(browser: Browser, show: Showcase, name: str) -> Generator[Visitor]:
    with visiting(browser, show.url) as visitor:
        visitor.sign_in(show.keys[name])
        yield visitor


@pytest.fixture(scope="package")
def developer(browser: Browser, show: Showcase) -> Generator[Visitor]:
    """The client's developer, with an administrator's key."""
    yield from _person(browser, show, "developer")


@pytest.fixture(scope="package")
def operator(browser: Browser, show: Showcase) -> Generator[Visitor]:
    """The operator, who acts for the tenant."""
    yield from _person(browser, show, "operator")


@pytest.fixture(scope="package")
def inspector(browser: Browser, show: Showcase) -> Generator[Visitor]:
    """Somebody whose key reads deliveries and events, and nothing else."""
    yield from _person(browser, show, "inspector")


@pytest.fixture(scope="package")
def partner(browser: Browser, show: Showcase) -> Generator[Visitor]:
    """A partner, through a portal link."""
    with visiting(browser, show.url) as visitor:
        visitor.enter_portal(show.portal_link("northwind"))
        yield visitor


@pytest.fixture
def stranger(browser: Browser, show: Showcase) -> Generator[Visitor]:
    """Somebody who is not signed in."""
    with visiting(browser, show.url) as visitor:
        yield visitor


@pytest.fixture
def gates(show: Showcase) -> Path:
    """Where the running task waits."""
    return show.gates
