"""`python -m tests.browser.pictures`: run the product with traffic for some minutes, then take the pictures of docs."""

import argparse
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from playwright.sync_api import sync_playwright

from tests.conftest import migrate
from tests.support.showcase import Showcase, furnish, rare
from tests.support.stack import Stack, running
from tests.support.stores import postgres_server, redis_server
from tests.support.threaded import ThreadedReceiver
from tests.support.visitor import Visitor, launch, visiting

FOLDER: Final = Path(__file__).parents[2] / "docs" / "images"
WIDE: Final = {"width": 1360, "height": 900}
SETTLED: Final = 700
"""Milliseconds after which fonts and charts have come."""


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(prog="python -m tests.browser.pictures", description=__doc__)
    parser.add_argument("--minutes", type=float, default=6)
    minutes: float = parser.parse_args().minutes
    with ExitStack() as stack:
        server, redis = stack.enter_context(postgres_server()), stack.enter_context(redis_server())
        url = server.create_database("pictures")
        migrate(url)
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        gates = directory / "gates"
        gates.mkdir()
        broker = redis.replace("unix://", "redis+socket://").replace("?db=1", "?virtual_host=0")
        product = Stack(directory, database=url, broker=broker, redis=redis, RETRY_SCHEDULE="1,2,3", TIMEOUT="2")
        receiver = stack.enter_context(ThreadedReceiver())
        show = furnish(stack.enter_context(running(product)), receiver, gates)
        _traffic(show, round(minutes * 60))
        _pictures(show)


def _traffic(show: Showcase, seconds: int) -> None:
    """Send events for so long: mostly what is taken, now and then something for a receiver in trouble."""
    for second in range(seconds):
        shipped = [{"type": "order.shipped", "data": {"order": second, "n": n}} for n in range(4 + second // 30 % 5)]
        signed = [{"type": "customer.created", "data": {"customer": f"c-{second}"}}]
        show.post("/v1/events/batch", [*shipped, *signed, *rare(int(second % 20 == 0))])
        threading.Event().wait(1)


def _pictures(show: Showcase) -> None:
    FOLDER.mkdir(exist_ok=True)
    exhausted = {"status": "exhausted", "endpoint_id": show.endpoints["crm"], "limit": "1"}
    (found,) = show.stack.client.get("/v1/deliveries", params=exhausted).raise_for_status().json()["data"]
    with sync_playwright() as playwright:
        browser = launch(playwright)
        with visiting(browser, show.url) as developer:
            developer.sign_in(show.keys["developer"])
            _take(developer, "", "overview")
            _take(developer, f"deliveries/{found['id']}", "delivery")
            _take(developer, f"endpoints/{show.endpoints['analytics']}", "endpoint")
        with visiting(browser, show.url, dark=True) as developer:
            developer.sign_in(show.keys["developer"])
            _take(developer, "", "overview-dark")
            _take(developer, f"tasks/{show.tasks['running']}", "task-dark")
        with visiting(browser, show.url) as partner:
            partner.enter_portal(show.portal_link("northwind"))
            _take(partner, "endpoints", "portal")
        browser.close()


def _take(visitor: Visitor, path: str, name: str) -> None:
    visitor.page.set_viewport_size({"width": WIDE["width"], "height": WIDE["height"]})
    visitor.open(path)
    visitor.page.wait_for_timeout(SETTLED)
    visitor.page.screenshot(path=FOLDER / f"{name}.png")


if __name__ == "__main__":
    main()
