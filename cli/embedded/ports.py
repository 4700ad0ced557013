import secrets
import socket
from contextlib import suppress
from typing import Final

from core.model.start_error import StartError
from core.model.targets import SERVICE_PORTS

# Below 32768, where Linux begins to hand out ports to outgoing connections: a port found here is still free a
# few seconds later, when the server that it was found for listens.
_LOWEST: Final = 20_000
_COUNT: Final = 12_000


def free_port() -> int:
    """Return a TCP port of the loopback address that nobody listens on now, and that an endpoint's URL may have."""
    while True:
        port = _LOWEST + secrets.randbelow(_COUNT)
        if port in SERVICE_PORTS:
            continue
        with suppress(OSError):
            _try_listening("127.0.0.1", port)
            return port


def refuse_taken(host: str, port: int) -> None:
    """Do nothing if `host:port` can be listened on.

    Raises:
        StartError: it is taken, or not an address of this machine.
    """
    try:
        _try_listening(host, port)
    except OSError as error:
        reason = error.strerror or str(error)
        raise StartError(f"cannot listen on {host}:{port}: {reason}; choose another with --port") from error


def _try_listening(host: str, port: int) -> None:
    family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind) as probe:
        # As servers do: a port is not taken because an old connection lingers in TIME_WAIT.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
