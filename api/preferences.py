"""The Prefer header (RFC 7240): unknown preferences are ignored, never an error."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

WAIT_LIMIT: Final = 60
_DIGITS: Final = 9  # `int` refuses to read thousands of them


@dataclass(frozen=True, slots=True)
class Preferences:
    """What the client would rather have; `wait` is seconds, 60 at most."""

    respond_async: bool = False
    wait: int | None = None

    @property
    def status(self) -> HTTPStatus:
        """With what a submit is answered whose task is under way."""
        return HTTPStatus.ACCEPTED if self.respond_async else HTTPStatus.SEE_OTHER

    @property
    def applied(self) -> dict[str, str]:
        """The header that says which preferences were honoured."""
        words = [*(["respond-async"] if self.respond_async else []), *([f"wait={self.wait}"] if self.wait else [])]
        return {"Vary": "Prefer", **({"Preference-Applied": ", ".join(words)} if words else {})}


def read_preferences(header: str | None, *, may_wait: bool = True) -> Preferences:
    """Read the header; what is malformed is as good as absent, and so is `wait` where nobody waits.

    Of a preference that is there twice, the first counts (section 2).
    """
    respond_async, wait = False, None
    for part in (header or "").split(","):
        name, _, value = (text.strip() for text in part.partition(";")[0].partition("="))
        if name.lower() == "respond-async":
            respond_async = True
        seconds = value.strip('"')
        if may_wait and wait is None and name.lower() == "wait" and seconds.isdecimal():
            wait = min(int(seconds[-_DIGITS:]), WAIT_LIMIT) if len(seconds.lstrip("0")) <= _DIGITS else WAIT_LIMIT
    return Preferences(respond_async, wait)
