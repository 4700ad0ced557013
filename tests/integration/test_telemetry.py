"""Log lines: ours and the libraries' have one shape, whatever is in them."""

import json
import subprocess
import sys

SAY = """
import logging
import structlog
from core.telemetry import configure_logging

log = structlog.stdlib.get_logger()
configure_logging("INFO", "json")
log.debug("not.said")
log.info("said", number=1, odd="\\ud800", text="é")
log.warning("odd", thing=ValueError("x"))
try:
    raise ValueError("broken")
except ValueError as error:
    log.error("failed", exc_info=error)
logging.getLogger("library").warning("%s is slow", "it")
logging.getLogger("httpx").info("not said")
"""


def said() -> list[dict[str, object]]:
    done = subprocess.run([sys.executable, "-c", SAY], check=True, capture_output=True)
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_every_line_has_its_name_level_and_time() -> None:
    lines = said()

    assert [(line["event"], line["level"], line["logger"]) for line in lines] == [
        ("said", "info", "__main__"),
        ("odd", "warning", "__main__"),
        ("failed", "error", "__main__"),
        ("it is slow", "warning", "library"),
    ]
    assert all(str(line["timestamp"]).endswith("Z") for line in lines)


def test_a_line_says_what_it_was_given() -> None:
    first, odd, failed, _ = said()

    assert (first["number"], first["odd"], first["text"]) == (1, "\ud800", "é")
    assert odd["thing"] == "ValueError('x')"
    assert "ValueError: broken" in str(failed["exception"])
