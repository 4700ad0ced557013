from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.errors import ProblemError
from api.paging import cut, decode_cursor, encode_cursor
from core.model.errors import NotFoundError

TENANT, LAST = UUID(int=7), UUID(int=9)
CURSOR = encode_cursor(LAST, "dlv", TENANT)


@given(st.uuids(), st.uuids() | st.none())
def test_a_cursor_comes_back_as_the_id_that_it_was_made_of(last: UUID, tenant: UUID | None) -> None:
    assert decode_cursor(encode_cursor(last, "dlv", tenant), "dlv", tenant) == last


def test_a_cursor_is_safe_in_a_query_string() -> None:
    assert CURSOR.replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize("prefix", ["task", "ep", "key", "ten"])
def test_a_cursor_of_another_list_is_a_bad_request(prefix: str) -> None:
    with pytest.raises(ProblemError) as refused:
        decode_cursor(CURSOR, prefix, TENANT)

    assert refused.value.status_code == 400


@pytest.mark.parametrize("tenant", [uuid4(), None])
def test_a_cursor_of_another_tenant_does_not_exist(tenant: UUID | None) -> None:
    with pytest.raises(NotFoundError):
        decode_cursor(CURSOR, "dlv", tenant)


@given(st.text(max_size=60))
def test_a_text_that_is_no_cursor_is_a_bad_request(text: str) -> None:
    with pytest.raises(ProblemError):
        decode_cursor(text, "dlv", TENANT)


@pytest.mark.parametrize("place", range(0, 48, 3))
def test_an_altered_cursor_is_a_bad_request(place: int) -> None:
    altered = CURSOR[:place] + ("A" if CURSOR[place] != "A" else "B") + CURSOR[place + 1 :]

    with pytest.raises(ProblemError):
        decode_cursor(altered, "dlv", TENANT)


@pytest.mark.parametrize(
    ("count", "page", "last"), [(0, [], None), (2, [0, 1], None), (3, [0, 1, 2], None), (4, [0, 1, 2], 2)]
)
def test_a_page_ends_with_a_cursor_only_where_more_follows(count: int, page: list[int], last: int | None) -> None:
    items = list(range(count))

    shown, after = cut(items, 3, lambda number: UUID(int=number))

    assert list(shown) == page
    assert after == (None if last is None else UUID(int=last))
