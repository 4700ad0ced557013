"""Task types: what the workers offer."""

from typing import Annotated

from fastapi import APIRouter, Depends

from api.bodies import StrictRoute
from api.deps import Transaction
from api.schemas.tasks import TaskTypeList, TaskTypeOut
from core.model.errors import NotFoundError
from core.registry.queries import list_task_types, read_task_type

router = APIRouter(route_class=StrictRoute, tags=["tasks"])
Reading = Annotated[Transaction, Depends(Transaction.of("tasks:read"), scope="function")]


@router.get("/v1/task-types", operation_id="list_task_types")
async def list_types(tx: Reading) -> TaskTypeList:
    """List what the workers offer."""
    found = await list_task_types(tx.connection)
    return TaskTypeList(data=[TaskTypeOut.model_validate(one) for one in found])


@router.get("/v1/task-types/{name}", operation_id="read_task_type")
async def read_type(name: str, tx: Reading) -> TaskTypeOut:
    """Read one task type."""
    found = await read_task_type(tx.connection, name=name)
    if found is None:
        raise NotFoundError("task type")
    return TaskTypeOut.model_validate(found)
