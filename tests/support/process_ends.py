import os
import select


def has_ended(pid: int, within: float = 20.0) -> bool:
    """Wait until the process is gone, whosever child it is; say whether that took less than `within` seconds."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], within)[0])
    finally:
        os.close(handle)
