"""One request: sent, sent again if need be, and read."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final, TypeVar
from uuid import uuid4

import httpx

from ringback.answers import read
from ringback.errors import ConnectionFailedError
from ringback.pauses import async_pause
from ringback.retries import PASSING, UNSENT, Retry, retry_after, takes_away

T = TypeVar("T")
_MAY_PASS: Final = (httpx.NetworkError, httpx.TimeoutException, httpx.RemoteProtocolError)


class AsyncWire:
    """A connection pool, where it leads, and who asks."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        base_url: str,
        headers: Mapping[str, str],
        *,
        timeout: float,
        retry: Retry,
    ) -> None:
        self.http = http
        self.timeout = timeout
        self._base_url = base_url.rstrip("/")
        self._headers = headers
        self._retry = retry

    async def request(
        self,
        method: str,
        path: str,
        *,
        into: type[T],
        json: object = None,
        params: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> T:
        """Send a request and return what the answer holds, as `into`; see `send`.

        Raises a `ProblemError` for what the API refuses.
        """
        answer = await self.send(
            method, path, json=json, params=params, headers=headers, idempotency_key=idempotency_key
        )
        return read(answer, into)

    async def send(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        files: Mapping[str, tuple[str | None, bytes | str, str]] | None = None,
        params: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> httpx.Response:
        """Send a request until it is answered, and return the answer whatever it says.

        A POST carries an `Idempotency-Key`, the same each time it is sent again. `timeout` is in seconds, for each
        time. Raises `ConnectionFailedError` once there have been enough tries.
        """
        key = {"Idempotency-Key": idempotency_key or str(uuid4())} if method == "POST" else {}
        request = self.http.build_request(
            method,
            self._base_url + path,
            json=json,
            files=files,
            params=dict(params or {}),  # pyright: ignore[reportArgumentType] - numbers and texts, as the document says
            headers={**self._headers, **key, **(headers or {})},
            timeout=self.timeout if timeout is None else timeout,
        )
        return await self._until_answered(request)

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        *,
        silence: float,
        params: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncGenerator[httpx.Response]:
        """Open an answer whose body is read while it comes; `silence` is how many seconds it may say nothing.

        Raises a `ProblemError` for what the API refuses, `ConnectionFailedError` as `send` does.
        """
        request = self.http.build_request(
            method,
            self._base_url + path,
            params=dict(params or {}),  # pyright: ignore[reportArgumentType] - as in `send`
            headers={**self._headers, **(headers or {})},
            timeout=httpx.Timeout(self.timeout, read=silence),
        )
        answer = await self._until_answered(request, stream=True)
        try:
            if answer.is_error:
                await answer.aread()
                read(answer, object)
            yield answer
        finally:
            await answer.aclose()

    async def _until_answered(self, request: httpx.Request, *, stream: bool = False) -> httpx.Response:
        tries, lost = 0, False
        while True:
            tries += 1
            try:
                answer = await self.http.send(request, follow_redirects=False, stream=stream)
            except httpx.TransportError as error:
                wait = self._retry.pause(tries - 1, None) if isinstance(error, _MAY_PASS) else None
                if wait is None:
                    raise ConnectionFailedError(
                        request.method, str(request.url.copy_with(query=None)), tries
                    ) from error
                lost = lost or not isinstance(error, UNSENT)
            else:
                if lost and answer.status_code == HTTPStatus.NOT_FOUND and takes_away(request.method, request.url.path):
                    await answer.aclose()
                    return httpx.Response(HTTPStatus.NO_CONTENT, request=request)  # what was lost has deleted it
                passing = answer.status_code in PASSING
                wait = self._retry.pause(tries - 1, retry_after(answer.headers)) if passing else None
                if wait is None:
                    return answer
                lost = lost or answer.status_code != HTTPStatus.TOO_MANY_REQUESTS
                await answer.aclose()
            await async_pause(wait)
