"""`python -m api`: one API process."""

import gc
from typing import Final

import uvicorn

from api.app import create_app
from api.hot_protocol import HotProtocol
from api.state import check
from core.open_files import raise_open_files
from core.starting import errors_in_one_line, read_settings
from core.telemetry import configure_logging

GARBAGE: Final = 20_000
"""Objects made, less those gone, after which cycles are looked for: what waits for its commit is no garbage."""


KEEP_ALIVE: Final = 75
"""Seconds that an idle connection stays open: longer than clients keep theirs, or a request meets its end."""


def main() -> None:
    """Serve until a signal ends it; what is under way is answered first."""
    with errors_in_one_line():
        settings = read_settings()
        check(settings)
    configure_logging(settings.log_level, settings.log_format)
    raise_open_files()
    app = create_app(settings)
    gc.freeze()
    gc.set_threshold(GARBAGE)
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=HotProtocol,
        ws="none",  # else any WebSocket library that lies beside it takes requests away from the parser's callbacks
        forwarded_allow_ips=[str(network) for network in settings.trusted_proxies],
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=20,
    )


main()
