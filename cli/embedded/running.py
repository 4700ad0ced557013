"""The embedded Postgres of a `ringback up` that runs now, for commands that work beside it."""

from cli.credentials import secret_keys
from cli.data_dir import DataDir
from cli.embedded.postgres import Postgres
from core.model.start_error import StartError
from core.settings import Settings


def with_database(settings: Settings) -> Settings:
    """Return settings with a database and a key ring: those that are given, or else those of `DATA_DIR`.

    Raises:
        StartError: no database is given, and `ringback up` does not run on `DATA_DIR`.
    """
    if settings.database_url:
        return settings
    data_dir = DataDir(settings.data_dir.absolute())
    postgres = Postgres(data_dir.postgres, data_dir.run.resolve(), log=data_dir.log_of("postgres"))
    if not postgres.socket.is_socket():
        raise StartError(
            f"RINGBACK_DATABASE_URL is not set, and `ringback up` does not run on {data_dir.root}: "
            "start it, or go to its folder"
        )
    found = {"database_url": postgres.url, "secret_keys": secret_keys(settings, data_dir)}
    return Settings.model_validate({**settings.model_dump(), **found})
