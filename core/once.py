"""What is done once for a request that may come again: all that the stages below `core.intake` know of its key.

One line at the head of the transaction that does the work, before anything is changed:

```python
async with database.tenant(tenant_id, owner) as tx:
    if kept := await once.take(tx, endpoint_id):  # it was done before: read kept.made, change nothing
        return await again(tx, kept.made)
    …
```

The ID is that of what is about to be made, or of the thing that is about to be changed. An error after that line rolls
back the key with everything else. Work that may fail for a reason of its own before the transaction (a name that is
resolved, a limit) looks at `once.kept` first: a request that was answered is answered again whatever has changed.

Work that takes longer than a transaction may last begins in one, counts in each that does a part of it, and ends in one
more. If its process dies in between, the request that comes again goes on with it, and with the count.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from core.model.json_value import JsonValue


@dataclass(frozen=True, slots=True)
class Kept:
    """What was answered to a request: its status, the ID of what it made or changed, and what else has to be known."""

    made: UUID
    status: int
    more: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])


class Once(Protocol):
    """A request, and whether it was answered before."""

    @property
    def kept(self) -> Kept | None:
        """What it was answered before, as far as is known."""
        ...

    async def take(self, tx: AsyncConnection, made: UUID) -> Kept | None:
        """Note in this transaction what is being made; return what was made if it was answered before.

        Waits for a request with the same key that is under way. Raises `ConflictError` if that takes longer than a
        second, `KeyReusedError` for a key that belongs to a request with another body.
        """
        ...

    async def note(self, tx: AsyncConnection, made: UUID, more: Mapping[str, JsonValue]) -> None:
        """Replace what `take` noted, in the same transaction: for what is known only once it is done."""
        ...


class OnceInParts(Once, Protocol):
    """The same, of work that takes several transactions."""

    async def begin(self, tx: AsyncConnection, made: UUID) -> Kept | None:
        """Do as `take`, but go on with a request that was begun and has not ended.

        Two requests with the same key may do it together then; the work has to bear that.
        """
        ...

    async def count(self, tx: AsyncConnection, what: str, number: int) -> bool:
        """Add to what is kept, in the transaction that did this part of the work; false if it has ended meanwhile."""
        ...

    async def end(self, tx: AsyncConnection) -> Kept | None:
        """Make an answer of what was counted, unless the work has ended before; return what is kept."""
        ...


class _EveryTime:
    """A request without a key."""

    @property
    def kept(self) -> Kept | None:
        return None

    async def take(self, tx: AsyncConnection, made: UUID) -> Kept | None:
        del tx, made

    async def note(self, tx: AsyncConnection, made: UUID, more: Mapping[str, JsonValue]) -> None:
        del tx, made, more

    async def begin(self, tx: AsyncConnection, made: UUID) -> Kept | None:
        del tx, made

    async def count(self, tx: AsyncConnection, what: str, number: int) -> bool:
        del tx, what, number
        return True

    async def end(self, tx: AsyncConnection) -> Kept | None:
        del tx


EVERY_TIME: Final[OnceInParts] = _EveryTime()
"""A request without a key is done each time that it comes."""
