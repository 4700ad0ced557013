"""Seal anew, under the newest key of the ring, what older keys have sealed, while everything goes on.

Whoever reads meanwhile opens old values and new ones: the ring holds both keys. The command can be stopped and run
again: what it has done is told by the values themselves.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from core.database import Database
from core.model.sealing import CannotOpenError, KeyRing
from core.registry.reseal_queries import PLACES, Place, SealedValue, read_sealed, replace_sealed

BATCH: Final = 1_000
_FIRST: Final = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Resealed:
    """What was found in one column: sealed anew, and what no key of the ring opens."""

    name: str
    resealed: int = 0
    unreadable: int = 0


class Resealer:
    """Goes through every sealed column, a batch of rows in a transaction."""

    def __init__(self, database: Database, ring: KeyRing, *, batch: int = BATCH) -> None:
        self._database: Final = database
        self._ring: Final = ring
        self._batch: Final = batch

    async def run(self) -> AsyncGenerator[Resealed]:
        """Seal everything anew; yield what was found in each column, as it is done."""
        for place in PLACES:
            yield await self._run(place)

    async def _run(self, place: Place) -> Resealed:
        after, resealed, unreadable = _FIRST, 0, 0
        while True:
            async with self._database.engine() as tx:
                newest = self._ring.newest
                rows = await read_sealed(tx, place=place, newest=newest, after=after, limit=self._batch)
                anew = {row.id: pair for row in rows if row.stale and (pair := self._anew(place, row))}
                old, new = [old for old, _ in anew.values()], [new for _, new in anew.values()]
                resealed += await replace_sealed(tx, place=place, ids=list(anew), old=old, new=new) if anew else 0
            unreadable += sum(row.stale for row in rows) - len(anew)
            if len(rows) < self._batch:
                return Resealed(place.name, resealed, unreadable)
            after = rows[-1].id

    def _anew(self, place: Place, row: SealedValue) -> tuple[bytes, bytes] | None:
        where = {"tenant": row.tenant_id, "row": row.id}
        old = row.sealed or b""
        try:
            plain = self._ring.open(old, **where, column=place.name)
        except CannotOpenError:
            return None
        return old, self._ring.seal(plain, **where, column=place.name)
