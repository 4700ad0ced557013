"""Which event types a subscription means."""

import re
from typing import Final

TYPE_PATTERN: Final = r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$"
SUBSCRIPTION_PATTERN: Final = r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*(\.\*)?$"
TYPE_LENGTH: Final = 128
OPERATIONAL: Final = ("endpoint.", "delivery.")
RESERVED: Final = ("task.", *OPERATIONAL)

_TYPE: Final = re.compile(TYPE_PATTERN)


def is_event_type(text: str) -> bool:
    """Tell whether the text is a well-formed event type of at most 128 characters."""
    return len(text) <= TYPE_LENGTH and _TYPE.fullmatch(text) is not None


def subscriptions_of(event_type: str) -> tuple[str, ...]:
    """Return every subscription that means this type: its name, and each prefix with `.*`.

    >>> subscriptions_of("task.failed")
    ('task.failed', 'task.*')
    """
    parts = event_type.split(".")
    return (event_type, *(".".join(parts[:n]) + ".*" for n in range(len(parts) - 1, 0, -1)))


def reaches_unfiltered(event_type: str) -> bool:
    """Tell whether endpoints without a subscription get it: all but the operational events do."""
    return not event_type.startswith(OPERATIONAL)
