"""Answers read and requests written, without I/O."""

from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import quote

import httpx
from pydantic import TypeAdapter, ValidationError

from ringback.errors import Problem, UnexpectedAnswerError, error_of
from ringback.retries import retry_after

T = TypeVar("T")


def path(*parts: str) -> str:
    """Return the path of something, from texts that may hold anything.

    Raises `ValueError` for a part that would lead elsewhere: an empty one, or dots.
    """
    if lost := [part for part in parts if part in {"", ".", ".."}]:
        raise ValueError(f"{lost[0]!r} names nothing")
    return "/v1/" + "/".join(quote(part, safe="") for part in parts)


def given(fields: Mapping[str, object]) -> dict[str, object]:
    """Return the fields that somebody has set."""
    return {name: value for name, value in fields.items() if value is not None}


def read(answer: httpx.Response, into: type[T]) -> T:
    """Return what an answer holds, or raise what it says went wrong."""
    if answer.status_code >= HTTPStatus.BAD_REQUEST:
        raise error_of(_problem(answer))
    if answer.status_code == HTTPStatus.NO_CONTENT:
        return _adapter(into).validate_python(None)
    try:
        return _adapter(into).validate_json(answer.content)
    except ValidationError as error:
        raise _unexpected(answer) from error


@cache
def _adapter(into: type[T]) -> TypeAdapter[T]:
    return TypeAdapter(into)


def _problem(answer: httpx.Response) -> Problem:
    try:
        document: dict[str, object] = answer.json()
        return Problem.of(document, retry_after(answer.headers))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise _unexpected(answer) from error


def _unexpected(answer: httpx.Response) -> UnexpectedAnswerError:
    return UnexpectedAnswerError(answer.status_code, answer.headers.get("content-type", ""))
