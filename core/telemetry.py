"""How the processes log: one wide event a line, never a payload, a secret or a full URL."""

import json
import logging
import sys
from collections.abc import Callable
from typing import Final, Literal, TextIO

import msgspec
import structlog

_NOISY: Final = ("httpx", "httpcore", "kombu", "amqp", "asyncio", "celery", "uvicorn")


def configure_logging(level: str, style: Literal["json", "console"]) -> None:
    """Send every log line, ours and the libraries', to standard error in one shape.

    Ours are rendered and written without the standard library's records in between, which cost several times as much;
    its loggers only give their names and levels.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    shown: list[structlog.typing.Processor] = [structlog.processors.format_exc_info, _renderer(style)]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, *shown],
        logger_factory=_lines_to(sys.stderr),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *shown],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for noisy in _NOISY:
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # it quotes malformed forms; the answer is a 400


class _Lines(structlog.WriteLogger):
    """Writes rendered lines; has the name and the level of the standard library's logger."""

    def __init__(self, file: TextIO, named: logging.Logger) -> None:
        super().__init__(file)
        self.name: Final = named.name
        self.disabled: Final = False
        self.isEnabledFor: Final = named.isEnabledFor
        self.getEffectiveLevel: Final = named.getEffectiveLevel


def _lines_to(file: TextIO) -> Callable[..., _Lines]:
    named = structlog.stdlib.LoggerFactory(ignore_frame_names=[__name__])
    return lambda *names: _Lines(file, named(*names))


def _renderer(style: Literal["json", "console"]) -> structlog.typing.Processor:
    if style == "json":
        return structlog.processors.JSONRenderer(serializer=_dump)
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())


def _dump(value: object, **_: object) -> str:
    try:
        return msgspec.json.encode(value, enc_hook=repr).decode()
    except (UnicodeEncodeError, TypeError):  # a lone surrogate, of a path for one; a key that is no text
        return json.dumps(value, default=repr)
