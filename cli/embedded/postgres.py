"""A private Postgres on a Unix socket: the truth of the embedded default."""

import subprocess
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from signal import Signals
from typing import Final

from cli.embedded.account import server_account
from cli.embedded.handover import Handover, make_private
from cli.embedded.orphans import end_orphans
from cli.embedded.postgres_binaries import MAJOR, installed_packages, programs_for
from cli.embedded.postgres_cluster import make_cluster
from cli.embedded.processes import BARE_ENVIRONMENT, spawn
from core.model.start_error import StartError

_SETTINGS: Final = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "max_connections": "200",
    "log_checkpoints": "off",
    "min_wal_size": "512MB",  # files of the log that are kept and used again: every commit waits for a new one
}
_NOT_DURABLE: Final = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
_STATUS_LINE: Final = 7  # of postmaster.pid, counted from 0


class Postgres:
    """One Postgres 18 with the login `ringback`, the database `ringback`, and the superuser `postgres`.

    Whoever may enter `socket_dir` is trusted: this user and root.
    """

    name = "postgres"
    stop_signal = Signals.SIGINT  # a fast shutdown: rolls back what is open and writes a checkpoint

    def __init__(
        self,
        data_dir: Path,
        socket_dir: Path,
        *,
        log: Path,
        durable: bool = True,
        packages: Path | None = None,
    ) -> None:
        """Describe the server.

        Args:
            data_dir: the cluster; made on first launch. May lie on a long path.
            socket_dir: short and private.
            log: file that takes what it says.
            durable: `fsync` and `synchronous_commit`; off only in tests that kill no store.
            packages: the directory that holds the programs' package; `None`: where it is installed.
        """
        self.log = log
        self._data_dir = data_dir.absolute()
        self._sockets = socket_dir / "pg"
        self._durable = durable
        self._packages = packages
        self._account = server_account(data_dir)

    @property
    def url(self) -> str:
        """Where the application connects, as its own login."""
        return self.url_of("ringback", user="ringback")

    @property
    def socket(self) -> Path:
        """Where it listens while it runs."""
        return self._sockets / ".s.PGSQL.5432"

    def url_of(self, database: str, *, user: str) -> str:
        """Return the URL of any database, as any user."""
        return f"postgresql://{user}@/{database}?host={self._sockets}&port=5432"

    def launch(self) -> subprocess.Popen[bytes]:
        """Start the server, after making the cluster on first use. See `Store.launch`."""
        self._clear_away()
        if not self._data_dir.exists():
            make_cluster(self._data_dir, self._programs, self._account, durable=self._durable)
        self._refuse_other_version()
        make_private(self._sockets, self._account)
        with Handover(self._account) as handover, self.log.open("ab") as log:
            options = _SETTINGS | ({} if self._durable else _NOT_DURABLE)
            options["unix_socket_directories"] = handover.path(self._sockets)
            argv = [str(self._programs / "postgres"), "-D", handover.path(self._data_dir)]
            return spawn(
                argv + [word for name, value in options.items() for word in ("-c", f"{name}={value}")],
                death_signal=self.stop_signal,
                env=BARE_ENVIRONMENT,
                output=log.fileno(),
                cwd=Path("/"),
                account=self._account,
                keep_fds=handover.fds,
            )

    def is_ready(self, process: subprocess.Popen[bytes]) -> bool:
        """Say whether the server calls itself ready in its pid file. See `Store.is_ready`."""
        return self._status(process) == "ready"

    def is_recovering(self, process: subprocess.Popen[bytes]) -> bool:
        """Say whether it calls itself starting there, as it does in recovery. See `Store.is_recovering`."""
        return process.poll() is None and self._status(process) == "starting"

    def _status(self, process: subprocess.Popen[bytes]) -> str:
        lines: list[str] = []
        with suppress(OSError):
            lines = (self._data_dir / "postmaster.pid").read_text().splitlines()
        return lines[_STATUS_LINE].strip() if len(lines) > _STATUS_LINE and lines[0] == str(process.pid) else ""

    @cached_property
    def _programs(self) -> Path:
        return programs_for(self._account, self._packages or installed_packages())

    def _clear_away(self) -> None:
        """End an orphan, then remove what it left.

        Postgres clears up after itself unless the pid in its file lives, whatever it is now: a zombie, or a
        stranger after a restart of the machine. Whoever calls this holds the data directory's lock, and the
        orphans are gone, so that the files are nobody's.
        """
        end_orphans(self._data_dir, "postgres", self.stop_signal, grace=10)
        for stale in ("postmaster.pid", self._sockets / ".s.PGSQL.5432", self._sockets / ".s.PGSQL.5432.lock"):
            (self._data_dir / stale).unlink(missing_ok=True)

    def _refuse_other_version(self) -> None:
        found = (self._data_dir / "PG_VERSION").read_text().strip()
        if found != MAJOR:
            raise StartError(f"{self._data_dir} belongs to Postgres {found}, and this is {MAJOR}: upgrade it first")
