import json
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.addresses import Network
from core.model.targets import InvalidTargetError, Target, check_target, parse_target

VECTORS = Path(__file__).parents[1] / "vectors" / "ssrf-cases.json"
WRITE_TIME = frozenset("ABCDEFGZ")
LOOPBACK: tuple[Network, ...] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
EVERYTHING: tuple[Network, ...] = (IPv4Network("0.0.0.0/0"), IPv6Network("::/0"))


def written(verdict: str) -> list[object]:
    """Return the URLs of the vectors with that verdict that concern what is written."""
    every = cast("list[Mapping[str, str]]", json.loads(VECTORS.read_text(encoding="utf-8")))
    chosen = [case for case in every if case["group"] in WRITE_TIME and case["expect"] == verdict]
    return [pytest.param(case["input"], id=case["id"]) for case in chosen]


def accepted(url: str) -> list[Target]:
    """Return the target, or none if the URL is refused."""
    try:
        return [parse_target(url)]
    except InvalidTargetError:
        return []


@pytest.mark.parametrize("url", written("reject"))
def test_a_hostile_url_is_refused(url: str) -> None:
    with pytest.raises(InvalidTargetError):
        check_target(url, (), https_only=False)


@pytest.mark.parametrize("url", written("allow"))
def test_a_good_url_is_accepted(url: str) -> None:
    target = check_target(url, (), https_only=False)

    assert parse_target(target.url) == target


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("hTTps://Example.COM", Target("https", "example.com", 443, "/", "https://example.com/")),
        ("https://example.com.:443/", Target("https", "example.com", 443, "/", "https://example.com/")),
        ("http://example.com:443/", Target("http", "example.com", 443, "/", "http://example.com:443/")),
        (
            "https://bücher.hook.net/",
            Target("https", "xn--bcher-kva.hook.net", 443, "/", "https://xn--bcher-kva.hook.net/"),
        ),
        (
            "https://ok.hook.net:8443/a/../b?x=1&y=%2F&z=a@b",
            Target(
                "https",
                "ok.hook.net",
                8443,
                "/a/../b?x=1&y=%2F&z=a@b",
                "https://ok.hook.net:8443/a/../b?x=1&y=%2F&z=a@b",
            ),
        ),
        ("https://example.com/é", Target("https", "example.com", 443, "/%C3%A9", "https://example.com/%C3%A9")),
        (
            "https://[2A00:1450:0:0::1]:8443",
            Target("https", "2a00:1450::1", 8443, "/", "https://[2a00:1450::1]:8443/"),
        ),
        (
            "https://r3---sn.example.com/",
            Target("https", "r3---sn.example.com", 443, "/", "https://r3---sn.example.com/"),
        ),
    ],
)
def test_a_url_is_kept_in_its_canonical_form(url: str, expected: Target) -> None:
    assert parse_target(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com?x=1",
        "https://example.com/#top",
        "https://example.com:/",
        "https://example.com:65536/",
        "https://example.com:99999999999999999999/",
        "https://example..com/",
        "https://.example.com/",
        "https://-a.example.com/",
        "https://example.com../",
        "https://xn--.example.com/",
        "https://BÜCHER.example.com/",
        "https://exampl\u212a.com/",
        "http\u017f://example.com/",
        "https://example.com/\ud800",
        "https://example.com/\n",
        "https://[::1%251]/",
        "https://[]/",
        "https://a.b.1/",
        "https://example.0x1/",
        "https://home.arpa/",
        "https://example.onion/",
        "https://example.com/" + "a" * 2048,
        "https://example.com/" + "é" * 1000,
        "https://" + "a." * 127 + "com/",
        "",
    ],
)
def test_what_parsers_disagree_on_is_refused(url: str) -> None:
    with pytest.raises(InvalidTargetError):
        parse_target(url)


@pytest.mark.parametrize("port", [80, 443, 1024, 8080, 8443, 65_535])
def test_a_web_or_user_port_is_allowed(port: int) -> None:
    assert parse_target(f"https://example.com:{port}/").port == port


@pytest.mark.parametrize(
    "port",
    [
        *(1, 22, 25, 81, 1023, 2375, 2376, 2379, 2380, 3306, 5432, 5672, 6379, 8500),
        *(9200, 9300, 10250, 11211, 15672, 27017),
    ],
)
def test_a_port_of_another_service_is_refused(port: int) -> None:
    with pytest.raises(InvalidTargetError, match="port"):
        parse_target(f"https://example.com:{port}/")


def test_http_is_refused_where_https_is_demanded() -> None:
    with pytest.raises(InvalidTargetError, match="https"):
        check_target("http://example.com/", (), https_only=True)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000/", "http://[::1]:8000/"])
def test_an_allowed_network_opens_its_literal_addresses(url: str) -> None:
    assert check_target(url, LOOPBACK, https_only=False).url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost/",
        "http://a.localhost/",
        "http://rabbitmq/",
        "http://[::ffff:127.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::1]/",
        "http://169.254.169.254/",
        "http://127.1/",
        "http://127.0.0.1./",
    ],
)
def test_no_allowed_network_opens_special_names_embedded_or_metadata_addresses(url: str) -> None:
    with pytest.raises(InvalidTargetError):
        check_target(url, EVERYTHING, https_only=False)


def test_the_error_for_a_forbidden_address_does_not_say_which() -> None:
    with pytest.raises(InvalidTargetError) as refused:
        check_target("http://10.0.0.5/", (), https_only=False)

    assert refused.value.reason == InvalidTargetError.forbidden().reason


@given(st.text(max_size=60).map(lambda text: f"https://{text}"))
def test_any_text_is_either_refused_or_has_one_canonical_form(url: str) -> None:
    targets = accepted(url)

    assert [parse_target(target.url) for target in targets] == targets
    assert all(target.url.isascii() for target in targets)
