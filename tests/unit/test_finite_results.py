import pytest

from workers.lifecycle import is_json


@pytest.mark.parametrize("value", [None, 0, 1.5, "inf", [1.0, {"a": [2.0]}], {}, True])
def test_what_json_can_say_is_a_result(value: object) -> None:
    assert is_json(value)


@pytest.mark.parametrize("value", [float("inf"), float("nan"), [1.0, float("-inf")], {"a": [{"b": float("nan")}]}])
def test_a_number_that_json_cannot_say_is_none(value: object) -> None:
    assert not is_json(value)
