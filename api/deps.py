"""What routes ask for: the process's state, who calls, a transaction, a page.

All of it is `async`, although little of it waits: FastAPI sends each plain function through a thread.
"""

from collections.abc import AsyncGenerator, Callable, Coroutine
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Final
from uuid import UUID

from fastapi import Depends, Header, Query, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from api.auth import Caller
from api.errors import ProblemError
from api.live import Live
from api.paging import Page, decode_cursor
from api.sessions import ends_session, sessions_of
from api.state import State
from api.throttle import Throttle
from api.watch import Watcher
from core.intake.acceptance import Acceptance
from core.intake.change import Changes
from core.intake.reopen import Reopenings
from core.intake.replay import Replays
from core.intake.schemas import Schemas
from core.intake.submit import Submissions
from core.intake.withdraw import Withdrawals
from core.model import ids
from core.model.errors import ForbiddenError, NotFoundError, OtherOwnerError
from core.model.ids import EndpointId, InvalidIdError, KeyId, TenantId
from core.registry.catalogue import Catalogue
from core.registry.register import Registrar
from core.registry.register_endpoints import EndpointRegistrar
from core.registry.tenant_changes import TenantChanges

_CALLER: Final = "ringback.caller"
_bearer: Final = HTTPBearer(auto_error=False, description="An API key: `rb_…`.")


async def get_state(request: Request) -> State:
    """Return what the process holds open."""
    state: object = request.app.state.ringback
    assert isinstance(state, State)
    return state


StateDep = Annotated[State, Depends(get_state)]


async def get_caller(
    request: Request,
    _scheme: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
    _acting_for: Annotated[
        str | None,
        Header(alias="Ringback-Tenant", description="The tenant that the operator acts for: its ID or slug."),
    ] = None,
) -> Caller:
    """Find out who calls; the parameters are there to be documented."""
    return await let_in_once(request)


async def let_in_once(request: Request) -> Caller:
    """Find out who calls, unless it was found out for this request before, which is counted once."""
    found: Caller | None = request.scope.get(_CALLER)
    if found is None:
        headers = request.headers
        found = await let_in(request, headers.get("authorization"), headers.get("ringback-tenant"))
        request.scope[_CALLER] = found
    return found


async def let_in(request: Request, authorization: str | None, acting_for: str | None) -> Caller:
    """Find out who calls, and count the request; raise what `Keys.caller` and `Throttle.admit` raise."""
    throttle: object = request.app.state.throttle
    assert isinstance(throttle, Throttle)
    caller = await sessions_of(request).identify(request, authorization, acting_for)
    if caller.tenant_id is not None and caller.requests_per_second is not None and not ends_session(request):
        await throttle.admit(caller.tenant_id, caller.requests_per_second)
    request.scope["ringback.tenant_id"] = caller.shown_tenant
    return caller


CallerDep = Annotated[Caller, Depends(get_caller)]


@dataclass(frozen=True, slots=True)
class TenantCaller:
    """A caller who acts for a tenant."""

    tenant_id: TenantId
    scopes: frozenset[str]
    owner: str | None
    operator: bool
    key_id: KeyId | None = None

    def owner_for(self, body: BaseModel) -> str | None:
        """Return whose the thing shall be that a body with an `owner` describes; raise `OtherOwnerError`.

        A key with an owner makes things of that owner, whether the body names it or says nothing.
        """
        wanted = getattr(body, "owner", None) if "owner" in body.model_fields_set else self.owner
        if self.owner not in (None, wanted):
            raise OtherOwnerError
        return wanted


def scoped(scope: str, *, owners: bool = False) -> Callable[..., Coroutine[None, None, TenantCaller]]:
    """Return the dependency that wants a tenant and a scope.

    A key with an owner is let in only where `owners` says that the route minds `TenantCaller.owner`: by
    `database.tenant(caller.tenant_id, caller.owner)` or by a `Transaction`, never through the engine's role without
    having found the thing in one of these first.
    """

    async def check(caller: CallerDep) -> TenantCaller:
        return let_through(caller, scope, owners=owners)

    return check


def let_through(caller: Caller, scope: str, *, owners: bool = False) -> TenantCaller:
    """Return a caller who acts for a tenant and has the scope; see `scoped`."""
    if caller.tenant_id is None:
        detail = "Name the tenant with the header Ringback-Tenant."
        raise ProblemError(HTTPStatus.BAD_REQUEST, "tenant-required", detail)
    caller.require(scope)
    if caller.owner is not None and not owners:
        raise OtherOwnerError
    return TenantCaller(caller.tenant_id, caller.scopes, caller.owner, caller.operator, caller.key_id)


async def operator(caller: CallerDep) -> Caller:
    """Want the operator's key."""
    if not caller.operator:
        raise ForbiddenError("operator")
    return caller


@dataclass(frozen=True, slots=True)
class Transaction:
    """An open transaction that sees one tenant's rows; if the key has an owner, only that owner's."""

    connection: AsyncConnection
    tenant_id: TenantId
    owner: str | None = None

    @staticmethod
    def of(scope: str) -> Callable[..., AsyncGenerator["Transaction"]]:
        """Return the dependency that wants a scope and opens a transaction.

        Use it with `scope="function"`: it commits before the answer leaves, so that a failing commit is not a 2xx.
        """

        async def open_transaction(
            state: StateDep, caller: Annotated[TenantCaller, Depends(scoped(scope, owners=True))]
        ) -> AsyncGenerator[Transaction]:
            async with state.database.tenant(caller.tenant_id, caller.owner) as connection:
                yield Transaction(connection, caller.tenant_id, caller.owner)

        return open_transaction


def paged(prefix: str) -> Callable[..., Coroutine[None, None, Page]]:
    """Return the dependency that reads `limit` and `cursor` of a list of such IDs."""

    async def read(
        caller: CallerDep,
        limit: Annotated[int, Query(ge=1, le=200, description="How many to return.")] = 50,
        cursor: Annotated[str | None, Query(description="`next_cursor` of the page before.", max_length=200)] = None,
    ) -> Page:
        before = None if cursor is None else decode_cursor(cursor, prefix, caller.tenant_id)
        return Page(limit, before, prefix, caller.tenant_id)

    return read


def parse_id(prefix: str, text: str, kind: str) -> UUID:
    """Read an ID out of a path; what is malformed names nothing, so it is not found."""
    try:
        return ids.decode(prefix, text)
    except InvalidIdError:
        raise NotFoundError(kind) from None


async def endpoint_id(endpoint: str) -> EndpointId:
    """Read an endpoint's ID out of a path."""
    return EndpointId(parse_id(ids.ENDPOINT, endpoint, "endpoint"))


async def get_registrar(request: Request) -> Registrar:
    """Return what registers tenants and keys."""
    registrar: object = request.app.state.registrar
    assert isinstance(registrar, Registrar)
    return registrar


async def get_tenant_changes(request: Request) -> TenantChanges:
    """Return what changes and closes tenants."""
    changes: object = request.app.state.tenant_changes
    assert isinstance(changes, TenantChanges)
    return changes


async def get_endpoints(request: Request) -> EndpointRegistrar:
    """Return what registers and changes endpoints."""
    endpoints: object = request.app.state.endpoints
    assert isinstance(endpoints, EndpointRegistrar)
    return endpoints


async def get_withdrawals(request: Request) -> Withdrawals:
    """Return what cancels what waits for an endpoint."""
    withdrawals: object = request.app.state.withdrawals
    assert isinstance(withdrawals, Withdrawals)
    return withdrawals


async def get_submissions(request: Request) -> Submissions:
    """Return what takes tasks in."""
    submissions: object = request.app.state.submissions
    assert isinstance(submissions, Submissions)
    return submissions


async def get_acceptance(request: Request) -> Acceptance:
    """Return what takes events in."""
    acceptance: object = request.app.state.acceptance
    assert isinstance(acceptance, Acceptance)
    return acceptance


async def get_catalogue(request: Request) -> Catalogue:
    """Return what describes event types."""
    catalogue: object = request.app.state.catalogue
    assert isinstance(catalogue, Catalogue)
    return catalogue


async def get_schemas(request: Request) -> Schemas:
    """Return what knows the schemas of event types."""
    schemas: object = request.app.state.schemas
    assert isinstance(schemas, Schemas)
    return schemas


async def get_replays(request: Request) -> Replays:
    """Return what sends events again and erases them."""
    replays: object = request.app.state.replays
    assert isinstance(replays, Replays)
    return replays


async def get_changes(request: Request) -> Changes:
    """Return what changes tasks."""
    changes: object = request.app.state.changes
    assert isinstance(changes, Changes)
    return changes


async def get_reopenings(request: Request) -> Reopenings:
    """Return what reopens and cancels deliveries."""
    reopenings: object = request.app.state.reopenings
    assert isinstance(reopenings, Reopenings)
    return reopenings


async def get_live(request: Request) -> Live:
    """Return what reads attempts as they happen."""
    live: object = request.app.state.live
    assert isinstance(live, Live)
    return live


async def get_watcher(request: Request) -> Watcher:
    """Return what waits for tasks."""
    watcher: object = request.app.state.watcher
    assert isinstance(watcher, Watcher)
    return watcher


CatalogueDep = Annotated[Catalogue, Depends(get_catalogue)]
SchemasDep = Annotated[Schemas, Depends(get_schemas)]
ReplaysDep = Annotated[Replays, Depends(get_replays)]
TenantChangesDep = Annotated[TenantChanges, Depends(get_tenant_changes)]
AcceptanceDep = Annotated[Acceptance, Depends(get_acceptance)]
ChangesDep = Annotated[Changes, Depends(get_changes)]
LiveDep = Annotated[Live, Depends(get_live)]
ReopeningsDep = Annotated[Reopenings, Depends(get_reopenings)]
WatcherDep = Annotated[Watcher, Depends(get_watcher)]
NamedEndpoint = Annotated[EndpointId, Depends(endpoint_id)]
EndpointsDep = Annotated[EndpointRegistrar, Depends(get_endpoints)]
WithdrawalsDep = Annotated[Withdrawals, Depends(get_withdrawals)]
RegistrarDep = Annotated[Registrar, Depends(get_registrar)]
SubmissionsDep = Annotated[Submissions, Depends(get_submissions)]
OperatorDep = Annotated[Caller, Depends(operator)]
