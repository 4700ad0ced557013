import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.desks import context_of
from workers.task_types.words import CHUNK, chunks, count

TEXTS = st.text(alphabet=st.one_of(st.characters(), st.sampled_from(" \t\n\u00a0\u2003\u3000\x1c\x85 ab")))
HERE = context_of()


@given(TEXTS, st.integers(1, 20))
def test_the_words_of_the_chunks_are_the_words_of_the_text(text: str, size: int) -> None:
    assert sum(len(chunk.split()) for chunk in chunks(text, size)) == len(text.split())


@given(TEXTS, st.integers(1, 20))
def test_the_chunks_are_the_text(text: str, size: int) -> None:
    assert "".join(chunks(text, size)) == text


@given(TEXTS)
def test_the_count_is_that_of_the_whole_text(text: str) -> None:
    assert count(HERE, text=text).count == len(text.split())


@pytest.mark.parametrize(("text", "words"), [("", 0), ("  ", 0), ("a" * 3 * CHUNK, 1), ("a " * 3 * CHUNK, 3 * CHUNK)])
def test_a_text_of_several_chunks_is_counted(text: str, words: int) -> None:
    assert count(HERE, text=text).count == words
