from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.ids import EVENT, TASK, InvalidIdError, decode, encode, new_uuid7


# From the valid vectors of TypeID 0.3.
@pytest.mark.parametrize(
    ("text", "uuid"),
    [
        ("prefix_00000000000000000000000000", "00000000-0000-0000-0000-000000000000"),
        ("prefix_00000000000000000000000001", "00000000-0000-0000-0000-000000000001"),
        ("prefix_0000000000000000000000000g", "00000000-0000-0000-0000-000000000010"),
        ("prefix_7zzzzzzzzzzzzzzzzzzzzzzzzz", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
        ("prefix_0123456789abcdefghjkmnpqrs", "0110c853-1d09-52d8-d73e-1194e95b5f19"),
        ("prefix_01h455vb4pex5vsknk084sn02q", "01890a5d-ac96-774b-bcce-b302099a8057"),
    ],
)
def test_the_vectors_of_the_specification_hold_both_ways(text: str, uuid: str) -> None:
    assert encode("prefix", UUID(uuid)) == text
    assert decode("prefix", text) == UUID(uuid)


@given(st.uuids())
def test_every_uuid_survives(value: UUID) -> None:
    assert decode(EVENT, encode(EVENT, value)) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "evt",
        "evt_",
        "evt_01h455vb4pex5vsknk084sn02",
        "evt_01h455vb4pex5vsknk084sn02qq",
        "evt_81h455vb4pex5vsknk084sn02q",
        "evt_01H455VB4PEX5VSKNK084SN02Q",
        "evt_01h455vb4pex5vsknk084sn02l",
        "evt_01h455vb4pex5vsknk084sn02u",
        "evt_01h455vb4pex5vsknk084sn0é",
        "task_01h455vb4pex5vsknk084sn02q",
        "evt__01h455vb4pex5vsknk084sn02q",
        "_01h455vb4pex5vsknk084sn02q",
        "01h455vb4pex5vsknk084sn02q",
        "EVT_01h455vb4pex5vsknk084sn02q",
        " evt_01h455vb4pex5vsknk084sn02q",
        "evt_01h455vb4pex5vsknk084sn02q\n",
    ],
)
def test_anything_else_is_no_id(text: str) -> None:
    with pytest.raises(InvalidIdError, match="evt_"):
        decode(EVENT, text)


@given(st.text(max_size=40))
def test_no_text_breaks_the_reading(text: str) -> None:
    with pytest.raises(InvalidIdError):
        decode(TASK, f"evt_{text}")


def test_a_new_id_carries_its_time_version_and_variant() -> None:
    made = new_uuid7(1_767_225_600.123)

    assert (made.int >> 80, made.version, made.variant) == (1_767_225_600_123, 7, UUID(int=1 << 63).variant)


def test_new_ids_of_one_moment_differ() -> None:
    assert len({new_uuid7(1.0) for _ in range(1000)}) == 1000


def test_ids_sort_by_their_time_in_both_forms() -> None:
    made = [new_uuid7(seconds) for seconds in (1.0, 1.5, 2.0, 1_767_225_600.0, 9_999_999_999.0)]

    assert sorted(made) == made
    assert sorted(encode(TASK, one) for one in made) == [encode(TASK, one) for one in made]
