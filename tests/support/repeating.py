"""Requests as clients are told to make them: one that is answered with 503 comes again, under its key."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final
from uuid import uuid4

import httpx
from tenacity import RetryCallState, Retrying, retry_if_result, stop_after_delay, wait_fixed

PATIENCE: Final = 60


def answered(
    client: httpx.Client, method: str, path: str, *, body: object = None, headers: Mapping[str, str] | None = None
) -> httpx.Response:
    """Return the first answer that is no 503, or the last one after a minute; a POST has an `Idempotency-Key`."""
    key = {"Idempotency-Key": uuid4().hex} if method == "POST" else {}
    retrying = Retrying(
        stop=stop_after_delay(PATIENCE),
        wait=wait_fixed(0.2),
        retry=retry_if_result(_is_unavailable),
        retry_error_callback=_last,
    )
    answer: httpx.Response = retrying(client.request, method, path, json=body, headers={**key, **(headers or {})})
    return answer


def _is_unavailable(answer: httpx.Response) -> bool:
    return answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE


def _last(state: RetryCallState) -> httpx.Response:
    assert state.outcome is not None
    answer: httpx.Response = state.outcome.result()
    return answer
