"""What lies in a JSON value."""

from collections.abc import Mapping, Sequence

from core.model.json_value import JsonValue


def holds_at_most(most: int, value: JsonValue) -> bool:
    """Tell whether a value is so many values or fewer, itself and those within others included."""
    pending = [value]
    for _ in range(most):
        pending.extend(parts_of(pending.pop()))
        if not pending:
            return True
    return False


def parts_of(value: JsonValue) -> Sequence[JsonValue]:
    """Return the members of an object or the elements of an array; nothing of other values."""
    if isinstance(value, Mapping):
        return list(value.values())
    return value if isinstance(value, list) else ()
