"""Append-only files outside the product: what a line says is on the disk before anybody acts on it."""

import asyncio
import json
import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, cast

Row = Mapping[str, object]


class Ledger:
    """One file of JSON lines; `write` returns once the rows are on the disk. Safe from any thread."""

    def __init__(self, path: Path) -> None:
        self.path: Final = path
        self._file: Final = path.open("ab")
        self._lock: Final = threading.Lock()

    def write(self, *rows: Row) -> None:
        """Append rows and sync them."""
        text = "".join(f"{json.dumps(row)}\n" for row in rows)
        with self._lock:
            if self._file.closed:
                return
            self._file.write(text.encode())
            self._file.flush()
            os.fdatasync(self._file.fileno())

    def close(self) -> None:
        """Write nothing more."""
        with self._lock:
            self._file.close()


class SharedLedger:
    """A ledger for one event loop: what comes while a sync runs shares the next one."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger: Final = ledger
        self._waiting: list[tuple[Row, asyncio.Future[None]]] = []
        self._syncing: asyncio.Task[None] | None = None

    async def write(self, row: Row) -> None:
        """Append a row and return once it is on the disk."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((row, done))
        if self._syncing is None or self._syncing.done():
            self._syncing = asyncio.create_task(self._sync())
        await done

    async def _sync(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            await asyncio.to_thread(self._ledger.write, *(row for row, _ in batch))
            for _, done in batch:
                if not done.done():
                    done.set_result(None)


def read_ledger(path: Path) -> Iterator[dict[str, object]]:
    """Yield what was written."""
    if path.exists():
        with path.open("rb") as file:
            for line in file:
                yield cast("dict[str, object]", json.loads(line))
