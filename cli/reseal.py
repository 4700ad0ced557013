"""`ringback reseal`: what older keys have sealed is sealed under the newest."""

from collections.abc import Callable

from core.database import Database, is_away
from core.model.sealing import KeyRing
from core.model.start_error import StartError
from core.registry.reseal import Resealer
from core.settings import Settings, require, require_secret


class UnreadableError(StartError):
    """Some values are sealed under keys that are not in the ring, or were moved from where they belong."""

    def __init__(self, count: int) -> None:
        super().__init__(f"{count} sealed values were left as they are: no key of RINGBACK_SECRET_KEYS opens them")


async def reseal(settings: Settings, say: Callable[[str], object]) -> None:
    """Seal everything anew, and say what was found in each column.

    Raises `StartError` for a setting that is missing, a database that is away, and `UnreadableError` at the end.
    """
    database = Database(require(settings.database_url, "DATABASE_URL"), size=1, direct=0)
    ring = KeyRing(require_secret(settings.secret_keys, "SECRET_KEYS"))
    unreadable = 0
    try:
        async for found in Resealer(database, ring).run():
            say(f"{found.name}: {found.resealed} sealed anew, {found.unreadable} unreadable")
            unreadable += found.unreadable
    except Exception as error:
        if not is_away(error):
            raise
        raise StartError("Postgres is away; run it again: what is done stays done") from error
    finally:
        await database.close()
    if unreadable:
        raise UnreadableError(unreadable)
