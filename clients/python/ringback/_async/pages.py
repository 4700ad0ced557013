"""Lists, read page by page."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

from ringback._async.wire import AsyncWire

T_co = TypeVar("T_co", covariant=True)


class PageOf(Protocol[T_co]):
    """A page, newest first; `next_cursor` is `None` on the last one."""

    @property
    def data(self) -> Sequence[T_co]:
        """What stands on it."""
        ...

    @property
    def next_cursor(self) -> str | None:
        """Where the next one begins."""
        ...


class AsyncPages(Generic[T_co]):
    """A list that is read when it is asked for; iterate over it for every item, newest first."""

    def __init__(self, wire: AsyncWire, path: str, into: type[PageOf[T_co]], params: Mapping[str, object]) -> None:
        self._wire = wire
        self._path = path
        self._into = into
        self._params = params

    async def page(self) -> PageOf[T_co]:
        """Read the first page alone; its `next_cursor`, given as `cursor`, leads to the next one."""
        return await self._wire.request("GET", self._path, into=self._into, params=self._params)

    async def pages(self) -> AsyncIterator[PageOf[T_co]]:
        """Read page after page."""
        page = await self.page()
        yield page
        while page.next_cursor is not None:
            params = {**self._params, "cursor": page.next_cursor}
            page = await self._wire.request("GET", self._path, into=self._into, params=params)
            yield page

    async def __aiter__(self) -> AsyncIterator[T_co]:
        async for page in self.pages():
            for item in page.data:
                yield item
