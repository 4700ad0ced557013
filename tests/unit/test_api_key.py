import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.api_key import has_valid_checksum, hash_api_key, last_four, new_api_key

_KNOWN = "rb_" + "0" * 36 + "412Z2V"


def test_a_new_key_has_a_prefix_36_drawn_characters_and_a_checksum() -> None:
    key = new_api_key()

    assert key.startswith("rb_")
    assert len(key) == 3 + 36 + 6
    assert key.removeprefix("rb_").isalnum()
    assert key.isascii()


def test_a_new_key_has_a_valid_checksum() -> None:
    assert has_valid_checksum(new_api_key())


def test_two_new_keys_differ() -> None:
    assert new_api_key() != new_api_key()


def test_the_checksum_is_the_crc_32_of_what_precedes_in_base62() -> None:
    assert has_valid_checksum(_KNOWN)


@given(place=st.integers(3, 44), other=st.sampled_from("0aZ_-"))
def test_a_key_with_one_changed_character_is_refused(place: int, other: str) -> None:
    changed = _KNOWN[:place] + other + _KNOWN[place + 1 :]

    assert has_valid_checksum(changed) is (changed == _KNOWN)


@pytest.mark.parametrize(
    "text",
    ["", "rb_", "sk_" + _KNOWN[3:], _KNOWN[:-1], _KNOWN + "0", " " + _KNOWN, _KNOWN + "\n", "rb_ü" + _KNOWN[4:]],
)
def test_what_is_not_a_key_is_refused(text: str) -> None:
    assert not has_valid_checksum(text)


@given(st.text())
def test_no_text_breaks_the_check(text: str) -> None:
    assert has_valid_checksum(text) in {True, False}


def test_the_hash_is_sha_256() -> None:
    assert hash_api_key("abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_the_end_of_a_key_is_its_last_four_characters() -> None:
    assert last_four("rb_0123456789") == "6789"
