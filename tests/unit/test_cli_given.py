"""JSON on the command line: what the API could not be sent is refused before."""

import pytest

from cli.failure import CommandError, ExitCode
from cli.remote.given import read_json, read_object


@pytest.mark.parametrize(
    "text",
    ["{", '{"a": NaN}', "-Infinity", "1e999", '"\\ud800"', '{"\\ud800": 1}', "[" * 100_000, "9" * 5_000],
    ids=["cut", "nan", "infinity", "too large", "half a pair", "half a pair as name", "deep", "too many digits"],
)
def test_what_is_no_json_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(CommandError) as refused:
        read_json(text, option="--data")

    said = str(refused.value)
    assert (refused.value.code, said.startswith("--data is not JSON: ")) == (ExitCode.USAGE, True)
    assert "\n" not in said


def test_everything_else_is_taken() -> None:
    text = '{"a": [1, 2.5, null, "\\ud83d\\ude00", "ä"]}'

    assert read_object(text, option="--data") == {"a": [1, 2.5, None, "😀", "ä"]}
