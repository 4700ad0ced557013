"""The log of deliveries as one file, streamed."""

from collections.abc import AsyncGenerator, Sequence
from http import HTTPStatus
from typing import Annotated, Final, Literal

import structlog
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse

from api.deps import CallerDep, TenantCaller, scoped
from api.errors import ProblemError
from api.lines import csv_lines, ndjson
from api.listening import Listener
from api.routes.deliveries import Filters
from api.schemas.deliveries import DeliveryOut
from api.schemas.fields import Problem
from core.journal.export import Exports, Wanted
from core.journal.read import DeliveryRecord, delivery_document

FormatName = Literal["ndjson", "csv"]
Pages = AsyncGenerator[Sequence[DeliveryRecord]]
MEDIA_TYPES: Final = {"ndjson": "application/x-ndjson", "csv": "text/csv; charset=utf-8; header=present"}
COLUMNS: Final = tuple(DeliveryOut.model_fields)

router = APIRouter(tags=["deliveries"])
_log: Final = structlog.stdlib.get_logger()


async def get_exports(request: Request) -> Exports:
    """Return what reads deliveries for exports."""
    exports: object = request.app.state.exports
    assert isinstance(exports, Exports)
    return exports


async def whole(request: Request, _caller: CallerDep) -> None:
    """Want HTTP/1.1 or later: in HTTP/1.0 (RFC 9112, section 6.3) a body that breaks off looks like one that ends."""
    if request.scope["http_version"] == "1.0":
        detail = "Ask in HTTP/1.1 or later; if you did, the proxy in between does not."
        raise ProblemError(
            HTTPStatus.UPGRADE_REQUIRED, "upgrade-required", detail, {"Upgrade": "HTTP/1.1", "Connection": "Upgrade"}
        )


@router.get(
    "/v1/deliveries/export",
    response_class=StreamingResponse,
    dependencies=[Depends(whole)],
    responses={
        200: {
            "description": "A line for each delivery; as CSV with a header line.",
            "content": {"application/x-ndjson": {}, "text/csv": {}},
        },
        426: {"model": Problem, "description": "Asked in HTTP/1.0, in which nobody can tell that it broke off."},
    },
)
async def export_deliveries(
    exports: Annotated[Exports, Depends(get_exports)],
    caller: Annotated[TenantCaller, Depends(scoped("deliveries:read", owners=True))],
    filters: Annotated[Filters, Depends()],
    request: Request,
    form: Annotated[FormatName, Query(alias="format")] = "ndjson",
) -> StreamingResponse:
    """Export the deliveries that a list with the same filters would name, newest first, as one file.

    It holds what there was when it began, each delivery as it was when its turn came. If something goes wrong in the
    middle, or its key is revoked, the transfer breaks off without its end (RFC 9112, section 8): a file that is
    complete has it all. In CSV nothing is an empty cell, and a text that a spreadsheet would run as a formula begins
    with an apostrophe.
    """
    pages = exports.pages(Wanted(tenant_id=caller.tenant_id, owner=caller.owner, filter=filters.wanted))
    first = await anext(pages)  # what fails here is still answered as an error
    kept = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="deliveries.{form}"'}
    written = _written(Listener(request), first, pages, form)
    return StreamingResponse(written, headers={**kept, "Content-Type": MEDIA_TYPES[form]})


class KeyEndedError(Exception):
    """Whoever asked for it would not be let in any more."""


async def _written(
    listener: Listener, first: Sequence[DeliveryRecord], pages: Pages, form: FormatName
) -> AsyncGenerator[bytes]:
    yield _lines(first, form, header=True)
    try:
        async for page in pages:
            await _check(listener)
            yield _lines(page, form)
    except Exception as error:
        _log.warning("export.broken", error=type(error).__name__)
        raise


async def _check(listener: Listener) -> None:
    if not await listener.may_go_on():
        raise KeyEndedError


def _lines(page: Sequence[DeliveryRecord], form: FormatName, *, header: bool = False) -> bytes:
    documents = [delivery_document(one) for one in page]
    if form == "ndjson":
        return ndjson(documents)
    return csv_lines([*([COLUMNS] if header else []), *[[one[name] for name in COLUMNS] for one in documents]])
