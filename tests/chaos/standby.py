"""A second Postgres that follows the first one, and takes its place and its address."""

import os
import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cli.embedded.postgres import Postgres
from cli.embedded.postgres_binaries import installed_packages, programs_for
from cli.embedded.processes import BARE_ENVIRONMENT
from cli.embedded.store import end
from tests.chaos.cluster import Cluster
from tests.support.stack import eventually
from tests.support.stores import ask, ask_patiently

SOCKET: Final = ".s.PGSQL.5432"
_IN_STEP: Final = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync' AND state = 'streaming'"


class Standby:
    """Follows a cluster's Postgres synchronously: what is committed there is on this one's disk, too."""

    def __init__(self, cluster: Cluster, place: Path) -> None:
        self._cluster: Final = cluster
        self._data: Final = cluster.data.with_name("standby")
        self._store: Final = Postgres(self._data, place, log=cluster.directory / "standby.log")
        self._copy()
        self._process: Final = self._store.launch()
        self._url: Final = self._store.url_of("ringback", user="postgres")
        cluster.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
        cluster.sql("SELECT pg_reload_conf()")
        eventually(self._follows, within=30)

    def take_over(self) -> None:
        """Become the one that is written to, at the address of the one that is gone."""
        ask_patiently(self._url, "SELECT pg_promote()")
        address = self._cluster.place / "pg" / SOCKET
        address.unlink(missing_ok=True)
        address.symlink_to(self._socket)

    def give_back(self) -> None:
        """Let the first one go on with all that this one has."""
        self.close()
        shutil.rmtree(self._cluster.data)
        self._data.rename(self._cluster.data)
        self._cluster.postgres.start()

    def close(self) -> None:
        """End it."""
        end(self._store, self._process)

    def remove(self) -> None:
        """Leave nothing of it behind."""
        shutil.rmtree(self._data, ignore_errors=True)

    @property
    def _socket(self) -> Path:
        return Path(self._url.partition("host=")[2].partition("&")[0]) / SOCKET

    def _copy(self) -> None:
        self._cluster.sql("SELECT 1")  # what befell it before may have ended a moment ago
        program = programs_for(None, installed_packages()) / "pg_basebackup"
        argv = [str(program), "-d", self._cluster.superuser_url, "-D", str(self._data), "-R", "-c", "fast"]
        subprocess.run(argv, check=True, capture_output=True, env=BARE_ENVIRONMENT)
        owner = self._cluster.data.stat()
        for place, _, files in os.walk(self._data):
            for name in ("", *files):
                os.chown(Path(place) / name, owner.st_uid, owner.st_gid)

    def _follows(self) -> None:
        assert ask(self._cluster.superuser_url, _IN_STEP) == "1"


@contextmanager
def following(cluster: Cluster) -> Generator[Standby]:
    """Let a second Postgres follow the first one until the block ends."""
    place = cluster.place / "standby"
    place.mkdir(mode=0o711)
    standby = Standby(cluster, place)
    try:
        yield standby
    finally:
        standby.close()
        standby.remove()
        shutil.rmtree(place)
