import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.matching import SUBSCRIPTION_PATTERN, is_event_type, reaches_unfiltered, subscriptions_of

PARTS = st.from_regex(r"[A-Za-z0-9_-]{1,8}", fullmatch=True)
TYPES = st.lists(PARTS, min_size=1, max_size=6).map(".".join)


@pytest.mark.parametrize("text", ["a", "order.paid", "A-b_c.1", "a" * 128])
def test_a_name_of_parts_is_an_event_type(text: str) -> None:
    assert is_event_type(text)


@pytest.mark.parametrize("text", ["", ".", "a.", ".a", "a..b", "a b", "a.*", "ä", "a\n", "a\x00", "a" * 129, "a,b"])
def test_anything_else_is_not(text: str) -> None:
    assert not is_event_type(text)


def test_a_type_is_meant_by_its_name_and_by_each_of_its_prefixes() -> None:
    assert subscriptions_of("a.b.c") == ("a.b.c", "a.b.*", "a.*")
    assert subscriptions_of("a") == ("a",)


@given(TYPES)
def test_every_subscription_of_a_type_is_well_formed_and_has_no_space(type_: str) -> None:
    subscriptions = subscriptions_of(type_)

    assert all(re.fullmatch(SUBSCRIPTION_PATTERN, one) and " " not in one for one in subscriptions)
    assert len(set(subscriptions)) == len(subscriptions) == type_.count(".") + 1


@given(TYPES, TYPES)
def test_a_prefix_means_exactly_the_types_that_start_with_it(prefix: str, type_: str) -> None:
    assert (f"{prefix}.*" in subscriptions_of(type_)) == type_.startswith(f"{prefix}.")


@pytest.mark.parametrize(
    ("type_", "reaches"),
    [
        ("order.paid", True),
        ("task.failed", True),
        ("endpoint", True),
        ("endpoints.x", True),
        ("endpoint.disabled", False),
        ("delivery.exhausted", False),
    ],
)
def test_operational_events_reach_only_who_asks_for_them(type_: str, *, reaches: bool) -> None:
    assert reaches_unfiltered(type_) is reaches
