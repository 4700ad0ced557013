"""W3C Trace Context: what is a `traceparent`, and what an attempt makes of one."""

from uuid import UUID

import pytest

from core.model.trace_context import continued, read_traceparent, trace_id

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
GOOD = f"00-{TRACE}-{SPAN}-01"
DELIVERY = UUID("01890a5d-ac96-774b-bcce-b302099a8057")


@pytest.mark.parametrize(
    ("header", "read"),
    [
        (GOOD, GOOD),
        (f"00-{TRACE}-{SPAN}-00", f"00-{TRACE}-{SPAN}-00"),
        (f"00-{TRACE}-{SPAN}-03", f"00-{TRACE}-{SPAN}-03"),
        (f"00-{TRACE}-{SPAN}-ff", f"00-{TRACE}-{SPAN}-03"),
        (f"01-{TRACE}-{SPAN}-01", GOOD),
        (f"cc-{TRACE}-{SPAN}-01-what-the-future-brings", GOOD),
        (f"fe-{TRACE}-{SPAN}-01-", GOOD),
    ],
)
def test_what_is_well_formed_is_read_as_the_version_that_is_known(header: str, read: str) -> None:
    assert read_traceparent(header) == read


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "00",
        GOOD.upper(),
        f" {GOOD}",
        f"{GOOD} ",
        f"{GOOD}\n",
        f"{GOOD}, {GOOD}",
        f"ff-{TRACE}-{SPAN}-01",
        f"0-{TRACE}-{SPAN}-01",
        f"0x-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"00-{TRACE}a-{SPAN}-01",
        f"00-{TRACE[:-1]}.-{SPAN}-01",
        f"00-{TRACE}-{SPAN[:-1]}.-01",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-0g",
        f"00_{TRACE}_{SPAN}_01",
        f"{GOOD}-00",
        f"{GOOD}-",
        f"{GOOD}.",
        f"01-{TRACE}-{SPAN}-01.what",
        f"\u0660\u0660{GOOD[2:]}",
    ],
)
def test_what_is_malformed_is_none(header: str | None) -> None:
    assert read_traceparent(header) is None


def test_an_attempt_is_a_span_of_its_own_in_the_same_trace() -> None:
    first, again, second = continued(GOOD, DELIVERY, 1), continued(GOOD, DELIVERY, 1), continued(GOOD, DELIVERY, 2)

    assert read_traceparent(first) == first
    assert trace_id(first) == trace_id(second) == TRACE
    assert first == again
    assert len({SPAN, first[36:52], second[36:52]}) == 3
    assert first[52:] == "-01"
