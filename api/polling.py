"""Who may poll a task: keys that read tasks, and for a recover those that may start one for its endpoint."""

from typing import Annotated, Final

from fastapi import Depends, Request

from api.deps import CallerDep, StateDep, TenantCaller, scoped
from api.looking import look, parse_task_id
from core.intake.recover import Recoveries
from core.model.errors import NotFoundError

STARTING: Final = "endpoints:write"
"""The scope by which a recover is started."""
_reading: Final = scoped("tasks:read")


async def get_recoveries(request: Request) -> Recoveries:
    """Return what starts recovers."""
    recoveries: object = request.app.state.recoveries
    assert isinstance(recoveries, Recoveries)
    return recoveries


RecoveriesDep = Annotated[Recoveries, Depends(get_recoveries)]


async def task_poller(task: str, state: StateDep, recoveries: RecoveriesDep, caller: CallerDep) -> TenantCaller:
    """Let in who may read tasks, and whoever could have started just this one.

    A partner's key reads no tasks, and tasks are no owner's; the one of a recover goes by its endpoint.
    """
    reads_tasks = "tasks:read" in caller.scopes and caller.owner is None
    if caller.tenant_id is None or reads_tasks or STARTING not in caller.scopes:
        return await _reading(caller)
    starter = TenantCaller(caller.tenant_id, caller.scopes, caller.owner, caller.operator)
    try:
        found = await look(state, caller.tenant_id, parse_task_id(task))
    except NotFoundError:
        return await _reading(caller)
    return starter if await recoveries.may_poll(caller.tenant_id, caller.owner, found) else await _reading(caller)
