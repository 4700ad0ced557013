from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
from fastapi import Request, Response
from hypothesis import given
from hypothesis import strategies as st

from api.errors import ProblemError
from api.paging import Page, decode_cursor, encode_cursor
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


@dataclass(frozen=True)
class Item:
    """Something in a list."""

    id: UUID


def request(query: bytes = b"limit=3&status=pending") -> Request:
    """Return the request of a list."""
    return Request({"type": "http", "method": "GET", "path": "/v1/things", "query_string": query, "headers": []})


@pytest.mark.parametrize(("count", "shown", "more"), [(0, 0, False), (2, 2, False), (3, 3, False), (4, 3, True)])
def test_a_page_ends_with_a_cursor_only_where_more_follows(count: int, shown: int, *, more: bool) -> None:
    found = [Item(UUID(int=number)) for number in range(count)]

    items, cursor = Page(3, None, "dlv", TENANT).cut(found, request(), Response())

    assert items == found[:shown]
    assert (cursor is not None) is more


def test_the_cursor_names_the_last_item_and_the_link_keeps_the_rest_of_the_query() -> None:
    found, response = [Item(UUID(int=number)) for number in range(4)], Response()

    _, cursor = Page(3, None, "dlv", TENANT).cut(found, request(), response)

    assert decode_cursor(str(cursor), "dlv", TENANT) == UUID(int=2)
    assert response.headers["link"] == f'</v1/things?limit=3&status=pending&cursor={cursor}>; rel="next"'


def test_the_last_page_has_no_link() -> None:
    response = Response()

    Page(3, None, "dlv", TENANT).cut([], request(), response)

    assert "link" not in response.headers
