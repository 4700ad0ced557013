"""Pages of event types, which have no ID and are ordered by their names."""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Annotated, Protocol, TypeVar
from uuid import UUID

from fastapi import Query, Request, Response

from api.deps import CallerDep
from api.paging import cut, no_cursor, pack_cursor, unpack_cursor
from core.model.matching import is_event_type

T = TypeVar("T", bound="Named")


class Named(Protocol):
    """What a list holds."""

    @property
    def name(self) -> str:
        """By which the list is ordered."""
        ...


@dataclass(frozen=True, slots=True)
class NamedPage:
    """Which part of a list is wanted: what comes after that name."""

    limit: int
    after: str
    kind: str
    tenant_id: UUID | None

    def cut(
        self, found: Sequence[T], request: Request, response: Response, *, is_full: bool
    ) -> tuple[Sequence[T], str | None]:
        """See `api.paging.cut`; a page may be full with fewer than `limit`."""

        def cursor_of(one: Named) -> str:
            return pack_cursor(one.name.encode(), self.kind, self.tenant_id)

        return cut(found, self.limit, cursor_of, request, response, beyond=cursor_of(found[-1]) if is_full else None)


def named_page(kind: str) -> Callable[..., Coroutine[None, None, NamedPage]]:
    """Return the dependency that reads `limit` and `cursor` of a list of such names."""

    async def read(
        caller: CallerDep,
        limit: Annotated[int, Query(ge=1, le=200, description="How many to return.")] = 50,
        cursor: Annotated[str | None, Query(description="`next_cursor` of the page before.", max_length=200)] = None,
    ) -> NamedPage:
        after = "" if cursor is None else _name(unpack_cursor(cursor, kind, caller.tenant_id))
        return NamedPage(limit, after, kind, caller.tenant_id)

    return read


def _name(raw: bytes) -> str:
    name = raw.decode(errors="replace")
    if not is_event_type(name):
        raise no_cursor()
    return name
