from uuid import UUID, uuid4

import pytest

from core.dispatch.broker import BATCH
from core.dispatch.messages import MalformedMessageError, batches, read_batch
from core.model.queued import Queued

ID = "0188bac7-4afa-78aa-bc3b-bd1eef28d881"


def some(count: int) -> list[Queued]:
    return [Queued(uuid4(), uuid4(), uuid4()) for _ in range(count)]


@pytest.mark.parametrize(
    ("count", "sizes"), [(0, []), (1, [1]), (BATCH, [BATCH]), (BATCH + 1, [BATCH, 1]), (3 * BATCH, [BATCH] * 3)]
)
def test_messages_name_a_batch_each(count: int, sizes: list[int]) -> None:
    assert [len(read_batch(body).d) for body in batches(some(count))] == sizes


def test_what_is_read_is_what_was_written() -> None:
    queued = some(120)

    read = [Queued(*ids) for body in batches(queued) for ids in read_batch(body).d]

    assert read == queued


def test_what_was_asked_for_is_known_as_such() -> None:
    first, second = some(2)
    asked = Queued(second.delivery_id, second.lane, second.tenant_id, asked=True)

    (body,) = batches([first, asked])

    assert read_batch(body).queued() == [first, asked]


def test_one_of_many_is_known_as_such() -> None:
    first, second = some(2)
    many = Queued(second.delivery_id, second.lane, second.tenant_id, more=True)

    (body,) = batches([first, many])

    assert read_batch(body).queued() == [first, many]


def test_a_message_holds_ids_and_nothing_else() -> None:
    (body,) = batches(some(2))

    assert set(body) == {"v", "d"}
    assert all(UUID(text) for named in read_batch(body).d for text in map(str, named))


@pytest.mark.parametrize(
    "body",
    [
        None,
        "text",
        7,
        [],
        {},
        {"v": 1},
        {"d": []},
        {"v": 2, "d": []},
        {"v": 0, "d": []},
        {"v": "1", "d": []},
        {"v": True, "d": []},
        {"v": 1, "d": None},
        {"v": 1, "d": [ID]},
        {"v": 1, "d": [[ID, ID]]},
        {"v": 1, "d": [[ID, ID, ID, ID]]},
        {"v": 1, "d": [[ID, ID, "no id"]]},
        {"v": 1, "d": [[ID, ID, None]]},
        {"v": 1, "d": [], "more": 1},
    ],
    ids=repr,
)
def test_a_message_of_another_shape_is_none_of_ours(body: object) -> None:
    with pytest.raises(MalformedMessageError):
        read_batch(body)
