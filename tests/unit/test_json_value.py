"""JSON text that is changed and otherwise left as it was."""

import pytest

from core.model.json_value import with_member


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (b"{}", b'{"file":[1]}'),
        (b" { } ", b' {"file":[1]}'),
        (b'{"x": 1.0e0}', b'{"x": 1.0e0,"file":[1]}'),
        (b'{"x":{}\n}\n', b'{"x":{},"file":[1]}'),
        (b'{"x":"}{"}', b'{"x":"}{","file":[1]}'),
    ],
)
def test_a_member_is_added_and_nothing_else_changes(written: bytes, expected: bytes) -> None:
    assert with_member(written, "file", [1]) == expected
