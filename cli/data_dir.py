"""What lies in `DATA_DIR`, and that only one supervisor works on it."""

import fcntl
import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from core.model.start_error import StartError


class DataDir:
    """The directory's map; see `open_data_dir`."""

    def __init__(self, root: Path) -> None:
        """Describe the directory `root`, an absolute path."""
        self.root = root
        self.lock = root / "lock"
        self.run = root / "run"
        self.postgres = root / "postgres"
        self.redis = root / "redis"
        self.operator_key = root / "operator.key"
        self.url = root / "url"
        """Where the API answers, locked while it runs: the key that lies beside it is for that server alone."""
        self.secret_keys = root / "secret.keys"

    @contextmanager
    def told_url(self, url: str) -> Generator[None]:
        """Say where the API answers, until the block ends or this process dies, however it does."""
        write_private(self.url, f"{url}\n")
        with self.url.open(encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                self.url.unlink(missing_ok=True)

    def read_url(self) -> str | None:
        """Return where the API answers; `None` if nobody says so any more."""
        try:
            with self.url.open(encoding="utf-8") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    return file.read().strip()
        except OSError:
            pass
        return None

    def log_of(self, store: str) -> Path:
        """Return the file that takes what a store says."""
        return self.root / f"{store}.log"


@contextmanager
def open_data_dir(path: Path) -> Generator[DataDir]:
    """Make the directory if need be and hold its lock until the block ends.

    The lock is the kernel's (flock(2)): it goes with the process, however that dies.

    Raises:
        StartError: another process holds it, or the directory cannot be used.
    """
    data_dir = DataDir(path.absolute())
    try:
        data_dir.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(data_dir.lock, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StartError(f"cannot keep data in {data_dir.root}: {error.strerror}") from error
    try:
        _lock(handle, data_dir)
        yield data_dir
    finally:
        os.close(handle)


def write_private(path: Path, text: str) -> None:
    """Write a file of mode 600 that is there whole, or not at all, whenever the machine stops."""
    handle, fresh = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(handle)
    Path(fresh).replace(path)


def _lock(handle: int, data_dir: DataDir) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(handle, 20, 0).decode(errors="replace").strip()
        raise StartError(f"{data_dir.root} is in use by process {holder}; give --data-dir another") from error
    os.ftruncate(handle, 0)
    os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
