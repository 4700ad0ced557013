"""The Prefer header (RFC 7240): unknown preferences are ignored, never an error."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

WAIT_LIMIT: Final = 60


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


def read_preferences(header: str | None) -> Preferences:
    """Read the header; what is malformed is as good as absent."""
    respond_async, wait = False, None
    for part in (header or "").split(","):
        name, _, value = (text.strip() for text in part.partition(";")[0].partition("="))
        if name.lower() == "respond-async":
            respond_async = True
        if name.lower() == "wait" and value.strip('"').isdecimal():
            wait = min(int(value.strip('"')), WAIT_LIMIT)
    return Preferences(respond_async, wait)
