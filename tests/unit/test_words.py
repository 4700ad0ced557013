"""`words.count`, its cuts and its parts, without a broker."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.endings import TaskEnd
from core.model.json_value import JsonValue
from core.model.parts import TaskInParts
from tests.support.desks import KeepingDesk, context_of
from tests.support.task_records import task_record
from workers.lifecycle import call, join
from workers.task_types.context import InPartsError
from workers.task_types.define import defined
from workers.task_types.words import CHUNK, SMALL, count, count_slice, cut, total

TEXTS = st.text(alphabet=st.one_of(st.characters(codec="utf-8"), st.sampled_from(" \t\n\u00a0\u2003\u3000\x1c\x85 ab")))
FILE = b'{"file":{"name":"a.txt","size":1,"media_type":"text/plain"}}'
WORDS = defined()["words.count"]


@given(TEXTS, st.integers(1, 20))
def test_the_words_of_the_slices_are_the_words_of_the_text(text: str, size: int) -> None:
    content = text.encode()

    counts = [count_slice(content[one.offset : one.offset + one.length]) for one in cut(content, size)]

    assert total(counts).count == len(text.split())


@given(TEXTS, st.integers(1, 20))
def test_the_slices_are_the_text(text: str, size: int) -> None:
    content = text.encode()

    slices = cut(content, size)

    assert b"".join(content[one.offset : one.offset + one.length] for one in slices) == content
    assert all(one.length >= size for one in slices[:-1])


@given(TEXTS)
def test_a_small_text_is_counted_at_once(text: str) -> None:
    assert count(context_of(), text=text).count == len(text.split())


@pytest.mark.parametrize(
    ("text", "words"),
    [("", 0), ("  ", 0), ("a " * (SMALL // 2), SMALL // 2), ("a" * 3 * CHUNK, 1), ("ä\u3000" * CHUNK, CHUNK)],
    ids=["empty", "white", "small", "one word", "no ascii white space"],
)
def test_what_cannot_be_cut_is_counted_at_once(text: str, words: int) -> None:
    assert count(context_of(), text=text).count == words


@pytest.mark.parametrize("letters", [SMALL, 3 * CHUNK, 5 * CHUNK])
def test_a_long_text_is_counted_in_parts(letters: int) -> None:
    text = "ä " * (letters // 2 + 1)

    with pytest.raises(InPartsError) as raised:
        count(context_of(), text=text)

    parts = raised.value.parts
    assert parts.content == text.encode()
    assert len(parts.slices) >= 2
    assert max(one.length for one in parts.slices) <= CHUNK + 2


def test_a_file_is_not_carried_along() -> None:
    desk = KeepingDesk(content=b"one two " * SMALL)

    end = call(WORDS, task_record(input=FILE), context_of(desk))

    assert isinstance(end, TaskInParts)
    assert end.content is None


@pytest.mark.parametrize("content", [b"\xff", b"abc \xc3", "ä".encode("utf-16")])
def test_a_file_that_is_no_text_is_a_failure_of_its_own(content: bytes) -> None:
    end = call(WORDS, task_record(input=FILE), context_of(KeepingDesk(content=content)))

    assert isinstance(end, TaskEnd)
    assert end.error_code == "not_text"


def test_the_parts_are_joined_to_the_result() -> None:
    assert join(WORDS, [1, 2, 3]).result == b'{"count":6}'


def test_a_join_that_raises_is_a_failure() -> None:
    assert join(WORDS, ["x"]).error_code == "task_error"


@pytest.mark.parametrize("value", [{}, {"text": 1}, {"text": None}, {"text": "a", "file": {}}, {"words": "a"}])
def test_either_a_text_or_a_file_is_wanted(value: JsonValue) -> None:
    assert not WORDS.kind.takes(value)
