import secrets
import socket
from typing import Final

from core.model.start_error import StartError
from core.model.targets import SERVICE_PORTS

# Below 32768, where Linux begins to hand out ports to outgoing connections: a port found here is still free a
# few seconds later, when the server that it was found for listens.
_LOWEST: Final = 20_000
_COUNT: Final = 12_000


def free_port() -> int:
    """Return a TCP port of the loopback address that nobody has now, and that an endpoint's URL may have.

    It is this process's until it ends: no other call, in whatever process, returns it, even while the server that it
    was found for is down. A socket that is bound and never listens keeps it; servers that set SO_REUSEADDR, as all
    do, may listen there.
    """
    while True:
        port = _LOWEST + secrets.randbelow(_COUNT)
        if port in SERVICE_PORTS:
            continue
        kept = socket.socket()
        try:
            kept.bind(("127.0.0.1", port))
        except OSError:
            kept.close()
            continue
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kept.detach()  # open until the process ends
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
