import base64
from uuid import UUID

import pytest

from core.model.sealing import CannotOpenError, InvalidKeyRingError, KeyRing

OLD = base64.b64encode(bytes(range(32))).decode()
NEW = base64.b64encode(bytes(range(32, 64))).decode()
TENANT, ROW = UUID(int=1), UUID(int=2)
SECRET = b"whsec_secret"


def seal(ring: KeyRing, plain: bytes = SECRET) -> bytes:
    return ring.seal(plain, tenant=TENANT, row=ROW, column="secret")


@pytest.mark.parametrize("plain", [SECRET, b"", bytes(10_000)])
def test_what_was_sealed_opens_in_its_place(plain: bytes) -> None:
    ring = KeyRing(NEW)

    assert ring.open(seal(ring, plain), tenant=TENANT, row=ROW, column="secret") == plain


def test_two_seals_of_one_value_differ_and_show_nothing_of_it() -> None:
    ring = KeyRing(NEW)

    first, second = seal(ring), seal(ring)

    assert first != second
    assert SECRET not in first + second


@pytest.mark.parametrize(
    ("tenant", "row", "column"),
    [(ROW, ROW, "secret"), (TENANT, TENANT, "secret"), (TENANT, ROW, "headers"), (ROW, TENANT, "secret")],
)
def test_a_value_that_was_moved_does_not_open(tenant: UUID, row: UUID, column: str) -> None:
    ring = KeyRing(NEW)
    sealed = seal(ring)

    with pytest.raises(CannotOpenError, match=column):
        ring.open(sealed, tenant=tenant, row=row, column=column)


@pytest.mark.parametrize("place", [0, 1, 4, 5, 16, 17, -17, -16, -1])
def test_an_altered_value_does_not_open(place: int) -> None:
    ring = KeyRing(NEW)
    sealed = bytearray(seal(ring))
    sealed[place] ^= 1

    with pytest.raises(CannotOpenError):
        ring.open(bytes(sealed), tenant=TENANT, row=ROW, column="secret")


@pytest.mark.parametrize("length", [0, 1, 5, 16, 17, 20, 32])
def test_a_value_that_was_cut_does_not_open(length: int) -> None:
    ring = KeyRing(NEW)
    sealed = seal(ring)[:length]

    with pytest.raises(CannotOpenError):
        ring.open(sealed, tenant=TENANT, row=ROW, column="secret")


def test_the_first_key_seals_and_all_of_them_open() -> None:
    before, after = KeyRing(OLD), KeyRing(f"{NEW}, {OLD}")

    opened = after.open(seal(before), tenant=TENANT, row=ROW, column="secret")

    assert opened == SECRET
    assert KeyRing(NEW).open(seal(after), tenant=TENANT, row=ROW, column="secret") == SECRET


def test_a_value_of_a_key_that_left_the_ring_does_not_open() -> None:
    sealed = seal(KeyRing(OLD))

    with pytest.raises(CannotOpenError):
        KeyRing(NEW).open(sealed, tenant=TENANT, row=ROW, column="secret")


@pytest.mark.parametrize("keys", ["", " , ", "short", NEW[:-4], f"{NEW},x", NEW + "AAAA", "é" * 44, "=" * 44])
def test_a_malformed_ring_is_refused_without_being_shown(keys: str) -> None:
    with pytest.raises(InvalidKeyRingError) as refused:
        KeyRing(keys)

    assert str(refused.value) == "SECRET_KEYS must be base64 of 32 bytes each, separated by commas"
