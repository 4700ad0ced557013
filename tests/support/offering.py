"""What a worker says when it starts, without the worker."""

from core.database import Database
from workers.app import register


async def offer_task_types(url: str) -> None:
    """Register every task type that has been imported in a database."""
    database = Database(url, size=1)
    await register(database)
    await database.close()
