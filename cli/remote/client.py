"""The public API as the command line uses it: JSON there and back, and problems as one line."""

import os
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, cast
from urllib.parse import urlsplit

import httpx

from cli.failure import CommandError, ExitCode
from cli.remote.place import Asked, Place, find_place
from cli.remote.sse import lines_of
from core import clock
from core.model.retry import retry_after
from core.version import VERSION

Json = dict[str, object]
PATIENCE: Final = 75.0
"""Seconds: a call that waits is answered within a minute."""
_PAGE: Final = 200
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_AWAY: Final = frozenset({429, 502, 503, 504})


class AwayError(CommandError):
    """The API does not answer, or not now: to ask again may help, after the seconds that it says."""

    def __init__(self, line: str, code: ExitCode = ExitCode.REFUSED, *, after: float = 0.0) -> None:
        super().__init__(line, code)
        self.after = after


class Client:
    """Calls the API; whatever keeps it from an answer is a `CommandError`."""

    def __init__(self, place: Place) -> None:
        """Connect to nothing yet."""
        headers = {"Authorization": f"Bearer {place.key}", "User-Agent": f"ringback/{VERSION}"}
        if place.tenant is not None:
            headers["Ringback-Tenant"] = place.tenant
        self._url: Final = place.url
        try:
            self._http: Final = httpx.Client(
                base_url=place.url,
                headers=headers,
                timeout=PATIENCE,
                trust_env=not is_near(place.url),
                verify=is_tls(place.url),
            )
        except (httpx.InvalidURL, UnicodeEncodeError, ValueError) as error:
            raise CommandError(f"{place.url}: {error}", ExitCode.USAGE) from error

    @classmethod
    def of(cls, asked: Asked) -> "Client":
        """Return a client of the place that is meant."""
        return cls(find_place(asked, os.environ))

    def get(self, path: str, **params: object) -> Json:
        """Read something."""
        return self._json("GET", path, params=params)

    def post(self, path: str, body: object = None) -> Json:
        """Make or do something."""
        return self._json("POST", path, body=body)

    def delete(self, path: str) -> Json:
        """Remove something."""
        return self._json("DELETE", path)

    def items(self, path: str, *, limit: int, **params: object) -> list[Json]:
        """Read the first things of a list, over as many pages as that takes."""
        found: list[Json] = []
        cursor: object = None
        while len(found) < limit:
            page = self.get(path, limit=min(limit - len(found), _PAGE), cursor=cursor, **params)
            found += cast("list[Json]", page["data"])
            cursor = page.get("next_cursor")
            if cursor is None:
                break
        return found

    @contextmanager
    def stream(self, path: str, last_event_id: str | None = None) -> Generator[Iterator[str]]:
        """Open a stream of Server-Sent Events; yield its lines."""
        headers = {"Accept": "text/event-stream"}
        if last_event_id is not None:
            headers["Last-Event-ID"] = last_event_id
        try:
            with self._http.stream("GET", path, headers=headers) as answer:
                if answer.is_error:
                    answer.read()
                    raise refusal(answer)
                yield lines_of(answer.iter_text())
        except httpx.TransportError as error:
            raise self._unreachable(error) from error

    def _json(self, method: str, path: str, *, body: object = None, params: Mapping[str, object] | None = None) -> Json:
        given = {name: str(value) for name, value in (params or {}).items() if value is not None}
        try:
            answer = self._http.request(method, path, json=body, params=given)
        except httpx.TransportError as error:
            raise self._unreachable(error) from error
        if answer.is_error:
            raise refusal(answer)
        return _document(answer)

    def _unreachable(self, error: httpx.TransportError) -> AwayError:
        return AwayError(f"{self._url} does not answer: {error or type(error).__name__}", ExitCode.UNREACHABLE)


def is_near(url: str) -> bool:
    """Tell whether a URL is one of this machine, to which no proxy leads."""
    return urlsplit(url).hostname in _LOOPBACK


def is_tls(url: str) -> bool:
    """Tell whether certificates matter to a URL: to read the authorities takes longer than most commands."""
    return urlsplit(url).scheme != "http"


def refusal(answer: httpx.Response) -> CommandError:
    """Return what an error answer says, in one line (RFC 9457)."""
    problem = _document(answer)
    title = str(problem.get("title") or f"HTTP {answer.status_code}")
    detail = str(problem.get("detail") or "")
    places = [f"{one['pointer']}: {one['detail']}" for one in cast("list[Json]", problem.get("errors") or [])]
    said = "; ".join(places) or detail
    line = ": ".join(" ".join(part.split()) for part in (title, said) if part)
    if answer.status_code in _AWAY:
        return AwayError(line, after=retry_after(answer.headers.get("retry-after", ""), clock.now()) or 0.0)
    return CommandError(line)


def _document(answer: httpx.Response) -> Json:
    try:
        found: object = answer.json() if answer.content else {}
    except ValueError:
        found = {}
    return cast("Json", found) if isinstance(found, dict) else {"data": found}
