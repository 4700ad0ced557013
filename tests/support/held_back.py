"""Answers that a test gives the dashboard in the place of the product: late, or of rows that it makes up."""

from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Route


@dataclass
class Held:
    """Requests that are not answered yet."""

    reads: list[Route] = field(default_factory=list[Route])

    def take(self, route: Route) -> None:
        """Hold a read; let a change through."""
        if route.request.method == "GET":
            self.reads.append(route)
        else:
            route.continue_()


@dataclass
class Rows:
    """A list of deliveries that are numbered, the newest first, into which others come."""

    like: dict[str, object]
    newest: int
    oldest: int
    limit: int = 50

    def answer(self, route: Route) -> None:
        """Answer with a page."""
        cursor = parse_qs(urlsplit(route.request.url).query).get("cursor")
        first = int(cursor[0]) if cursor else self.newest
        last = max(first - self.limit + 1, self.oldest)
        rows = [{**self.like, "id": f"dlv_{number}"} for number in range(first, last - 1, -1)]
        route.fulfill(json={"data": rows, "next_cursor": str(last - 1) if last > self.oldest else None})


def attempts(like: dict[str, object], asked: list[str], most: int) -> Callable[[Route], None]:
    """Answer with pages of 200 attempts like this one; note the cursors."""

    def answer(route: Route) -> None:
        (cursor,) = parse_qs(urlsplit(route.request.url).query).get("cursor", ["0"])
        asked.append(cursor)
        first, last = int(cursor) + 1, min(int(cursor) + 200, most)
        found = [{**like, "id": f"att_{number}", "number": number} for number in range(first, last + 1)]
        route.fulfill(json={"data": found, "next_cursor": str(last) if last < most else None})

    return answer
