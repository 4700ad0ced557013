import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.header_rules import MASK, InvalidHeaderError, check_headers, mask, unmask


def accepted(headers: dict[str, str]) -> dict[str, str]:
    """Return the checked headers, or none if one is refused."""
    try:
        return check_headers(headers)
    except InvalidHeaderError:
        return {}


@pytest.mark.parametrize(
    "name",
    [
        *("Host", "Content-Length", "content-type", "Content-Digest", "Transfer-Encoding", "Connection"),
        *("TE", "Trailer", "Upgrade", "Keep-Alive", "Expect", "Proxy-Authorization", "Accept-Encoding"),
        *("Forwarded", "X-Forwarded-For", "x-forwarded-host", "X-Real-IP", "Via", "User-Agent", "Cookie"),
        *("webhook-id", "Webhook-Timestamp", "WEBHOOK-SIGNATURE", "webhook-anything"),
        *("Ringback-Tenant", "X-Ringback-Any", "ce-id", "traceparent", "tracestate"),
        *("Signature", "Signature-Input", "Metadata", "Metadata-Flavor"),
        *("X-aws-ec2-metadata-token", "X-aws-ec2-metadata-token-ttl-seconds", "X-Google-Metadata-Request"),
    ],
)
def test_a_reserved_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidHeaderError, match="reserved") as refused:
        check_headers({name: "1"})

    assert refused.value.name == name


@pytest.mark.parametrize("name", ["", "X-A ", "X:A", "X A", "X\r\nB", "X-A\n", "Å", "X`A", "x" * 65, "(x)", "X\x00"])
def test_what_is_no_token_is_no_name(name: str) -> None:
    with pytest.raises(InvalidHeaderError, match="not a header name"):
        check_headers({name: "1"})


@pytest.mark.parametrize("value", ["a\r\nX-B: c", "a\n", "a\x00", "é", "a\x7f", "a\x0bb"])
def test_what_is_not_visible_ascii_is_no_value(value: str) -> None:
    with pytest.raises(InvalidHeaderError, match="visible ASCII"):
        check_headers({"X-A": value})


def test_values_are_trimmed_and_spelling_is_kept() -> None:
    checked = check_headers({"Authorization": " Bearer a\tb ", "x-Tenant": "", "X-Metadata": "1"})

    assert checked == {"Authorization": "Bearer a\tb", "x-Tenant": "", "X-Metadata": "1"}


def test_a_name_may_not_come_twice_in_another_case() -> None:
    with pytest.raises(InvalidHeaderError, match="twice"):
        check_headers({"X-A": "1", "x-a": "2"})


def test_twenty_headers_are_allowed() -> None:
    headers = {f"X-{n}": "1" for n in range(20)}

    assert check_headers(headers) == headers


def test_twenty_one_headers_are_refused() -> None:
    with pytest.raises(InvalidHeaderError, match="20"):
        check_headers({f"X-{n}": "1" for n in range(21)})


def test_eight_kib_in_all_are_allowed() -> None:
    headers = {"X-A": "a" * (8192 - 3)}

    assert check_headers(headers) == headers


def test_one_byte_more_than_eight_kib_is_refused() -> None:
    with pytest.raises(InvalidHeaderError, match="8192"):
        check_headers({"X-A": "a" * 4096, "X-B": "b" * (4096 - 5)})


def test_masking_hides_every_value() -> None:
    assert mask({"Authorization": "Bearer secret", "X-A": ""}) == {"Authorization": MASK, "X-A": MASK}


def test_a_value_that_comes_back_masked_is_unchanged() -> None:
    patched = {"authorization": MASK, "X-New": "2"}

    assert unmask(patched, {"Authorization": "Bearer secret", "X-Old": "1"}) == {
        "authorization": "Bearer secret",
        "X-New": "2",
    }


def test_a_masked_value_without_a_stored_one_is_refused() -> None:
    with pytest.raises(InvalidHeaderError, match="none to keep"):
        unmask({"X-A": MASK}, {})


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=4))
def test_no_header_that_passes_can_break_a_line(headers: dict[str, str]) -> None:
    checked = accepted(headers)

    assert not set("\r\n\0:") & set("".join(checked))
    assert not set("\r\n\0") & set("".join(checked.values()))
