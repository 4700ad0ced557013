"""Whether the data of events fits the schema of their type, from what is remembered of a tenant's catalogue.

```
event ──► has its type a schema? (asked every 2 s) ──► no: nothing more
                                                  └──► yes: compiled before, in this version? else read and compiled
```
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

from core import clock
from core.database import Database
from core.flights import Flights
from core.intake.wish import EventWish
from core.model.errors import FieldError, InvalidInputError
from core.model.ids import TenantId
from core.patience import Turns
from core.registry.event_type_queries import list_schema_versions, read_schema
from core.registry.event_types import WORK, DataSchema

BELIEVED_FOR: Final = 2.0
READ_WITHIN: Final = 1.0
"""Seconds in which a catalogue is read, the end of a read that flies already included; 503 beyond."""
BATCH_WORK: Final = 8 * WORK
"""What the lines of a batch may take together: some seconds, with others' turns in between. The longest batch, 16 MiB,
stays below it with schemas of a weight up to 128."""
HEAVY: Final = WORK // 64
"""Work from which on checks go one at a time, each with a pause as long as itself, for nothing else runs meanwhile: the
library lets no other thread in."""
KEPT: Final = 128 * 1024 * 1024
"""Bytes that the compiled schemas that are kept may take, roughly."""
_COMPILED: Final = 5_000
_TENANTS: Final = 10_000

_Versions = Mapping[str, datetime]


class Budget:
    """What checking the lines of a batch may take together, in the unit of `WORK`."""

    def __init__(self, most: int = BATCH_WORK) -> None:
        self._left = most

    def spend(self, work: int) -> bool:
        """Take that much; take nothing and tell so if there is less."""
        if work > self._left:
            return False
        self._left -= work
        return True


@dataclass(frozen=True, slots=True)
class Kept:
    """A schema as it was compiled; none if it refuses nothing."""

    version: datetime
    schema: DataSchema | None

    @property
    def memory(self) -> int:
        """Bytes that it takes."""
        return 0 if self.schema is None else self.schema.memory


class Compiled:
    """Schemas by tenant and type, as many as fit into `most` bytes; what was not asked for the longest goes first."""

    def __init__(self, most: int = KEPT) -> None:
        self._most: Final = most
        self._kept: Final[OrderedDict[tuple[UUID, str], Kept]] = OrderedDict()
        self._memory = 0

    def find(self, key: tuple[UUID, str], version: datetime) -> Kept | None:
        """Return what is kept of a type, in this version or a later one."""
        if key in self._kept:
            self._kept.move_to_end(key)
        kept = self._kept.get(key)
        return kept if kept is not None and kept.version >= version else None

    def keep(self, key: tuple[UUID, str], one: Kept) -> None:
        """Keep it instead of what was kept of that type."""
        before = self._kept.pop(key, None)
        self._memory += one.memory - (0 if before is None else before.memory)
        self._kept[key] = one
        while self._memory > self._most or len(self._kept) > _COMPILED:
            _, dropped = self._kept.popitem(last=False)
            self._memory -= dropped.memory


class Schemas:
    """Remembers which types have a schema, and the schemas that were asked for."""

    def __init__(
        self,
        database: Database,
        *,
        turns: Turns | None = None,
        seconds: Callable[[], float] = clock.monotonic,
        within: float = READ_WITHIN,
    ) -> None:
        """Remember nothing yet; heavy checks take their turns with whoever else has those."""
        self._database: Final = database
        self._seconds: Final = seconds
        self._within: Final = within
        self._known: Final[dict[UUID, tuple[float, _Versions]]] = {}
        self._reads: Final = Flights[_Versions]()
        self._compiled: Final = Compiled()
        self._compiling: Final = Flights[DataSchema | None]()
        self._turns: Final = turns or Turns()

    async def problems(
        self, tenant_id: TenantId, wish: EventWish, budget: Budget | None = None
    ) -> tuple[FieldError, ...]:
        """Return where data does not fit its type's schema, with pointers below `/data`; nothing if it fits.

        What is checked together shares a `budget`, and lets others have their turn in between. Raises `TimeoutError` if
        the catalogue is not read in time, or too many wait for a check that is heavy.
        """
        known = self._known.get(tenant_id)
        if known is None or self._seconds() - known[0] >= BELIEVED_FOR:
            versions = await self._learn(tenant_id, known)
        else:
            versions = known[1]
        version = versions.get(wish.type)
        if version is None:
            return ()
        schema = await self._schema(tenant_id, wish.type, version)
        if schema is None:
            return ()
        work = schema.work(len(wish.data))
        if work > WORK:  # it is refused without being read
            return schema.problems(None, len(wish.data))
        if budget is not None:
            if not budget.spend(work):
                return (
                    FieldError("/data", "Its batch is too long to be checked against schemas: send fewer at once."),
                )
            await asyncio.sleep(0)
        if work > HEAVY:
            return await self._check_heavy(schema, wish)
        return schema.problems(wish.value, len(wish.data))

    async def _check_heavy(self, schema: DataSchema, wish: EventWish) -> tuple[FieldError, ...]:
        async with self._turns.take(self._within):
            return schema.problems(wish.value, len(wish.data))

    def has_none(self, tenant_id: TenantId, type_: str) -> bool:
        """Tell whether a type is known to have no schema; false also where that has to be asked."""
        known = self._known.get(tenant_id)
        return known is not None and self._seconds() - known[0] < BELIEVED_FOR and type_ not in known[1]

    def forget(self, tenant_id: TenantId) -> None:
        """Ask again at the next event: the catalogue was changed here."""
        self._known.pop(tenant_id, None)

    async def _learn(self, tenant_id: TenantId, known: tuple[float, _Versions] | None) -> _Versions:
        if known is not None:  # this request asks, those beside it go on with what was known
            self._known[tenant_id] = (self._seconds(), known[1])
        async with asyncio.timeout(self._within):
            return await self._reads.share(tenant_id, partial(self._read, tenant_id))

    async def _read(self, tenant_id: TenantId) -> _Versions:
        at = self._seconds()
        async with self._database.tenant(tenant_id) as tx:
            found = {one.name: one.updated_at for one in await list_schema_versions(tx, tenant_id=tenant_id)}
        if len(self._known) >= _TENANTS:
            self._known.clear()
        self._known[tenant_id] = (at, found)
        return found

    async def _schema(self, tenant_id: TenantId, type_: str, version: datetime) -> DataSchema | None:
        kept = self._compiled.find((tenant_id, type_), version)
        if kept is not None:
            return kept.schema
        return await self._compiling.share((tenant_id, type_), partial(self._compile, tenant_id, type_, version))

    async def _compile(self, tenant_id: TenantId, type_: str, version: datetime) -> DataSchema | None:
        kept = self._compiled.find((tenant_id, type_), version)
        if kept is not None:  # somebody else has, meanwhile
            return kept.schema
        async with self._database.tenant(tenant_id) as tx:
            found = await read_schema(tx, tenant_id=tenant_id, name=type_)
        if found is None:  # deleted since
            return None
        try:
            schema = await asyncio.to_thread(DataSchema, found.schema)
        except InvalidInputError:  # one that an earlier version took: it refuses nothing
            schema = None
        self._compiled.keep((tenant_id, type_), Kept(found.updated_at, schema))
        return schema
