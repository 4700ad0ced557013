"""What the vectors of SSRF cases mean for a running product: a table for each of their groups."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final, cast

import dns.rcode

from tests.support.answers import Answer, Endless, Reset, redirect
from tests.support.name_server import NOTHING, Said
from tests.support.rig import CANARY

_VECTORS: Final = Path(__file__).parents[1] / "vectors" / "ssrf-cases.json"
_PUBLIC: Final = "93.184.216.34"
_TARGET: Final = "http://169.254.169.254/"


def vectors() -> list[Mapping[str, str]]:
    """Return every case."""
    return cast("list[Mapping[str, str]]", json.loads(_VECTORS.read_text(encoding="utf-8")))


HOSTILE_URLS: Final = {
    case["id"]: case["input"] for case in vectors() if case["group"] in "ABCDEFG" and case["expect"] == "reject"
}
GOOD_URLS: Final = {
    case["id"]: case["input"] for case in vectors() if case["group"] in "FZ" and case["expect"] == "allow"
}
GOOD_NAMES: Final = ("example.com", "xn--bcher-kva.hook.net", "ok.hook.net")

FORBIDDEN: Final = (
    *("0.0.0.0", "0.1.2.3", "10.0.0.5", "100.64.0.7", "100.100.100.200", "127.0.0.1", "127.9.9.9", "168.63.129.16"),
    *("169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.254", "192.0.0.192", "192.0.2.1", "192.31.196.1"),
    *("192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1"),
    *("255.255.255.255", "::", "::1", "::ffff:10.0.0.5", "::ffff:0:7f00:1", "::7f00:1", "64:ff9b::a9fe:a9fe"),
    *("64:ff9b:1::1", "2001:0:a9fe:a9fe::", "2001:db8::1", "2002:7f00:1::1", "2a00:1450::5efe:7f00:1", "3fff::1"),
    *("100::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1"),
)
HOSTILE_NAMES: Final = {
    "H02": Said(("169.254.169.254",)),
    "H03": Said((_PUBLIC, "10.0.0.5")),
    "H05": Said((_PUBLIC, "::1")),
    "H06": Said(("::ffff:10.0.0.5",)),
    "H10": Said(("192.168.1.1",)),
    "alias": Said(alias="inner.hook.test"),
    **{f"n{number}": Said((address,)) for number, address in enumerate(FORBIDDEN)},
}
"""What names turn to; H10 is what is done with each of them: public when registered, this when sent to."""

ODD_NAMES: Final = {
    "H08": (Said(alias="chain1.hook.test"), {None, "dns"}),
    "H12": (NOTHING, {"dns"}),
    "H15": (Said(tuple(f"11.22.{number >> 8}.{number & 255}" for number in range(1, 501))), {None}),
    "servfail": (Said(rcode=dns.rcode.SERVFAIL), {"dns"}),
    "empty": (Said(), {"dns"}),
}
"""Names that do no harm but strain: what they are answered with, and which errors an attempt may end with."""

_CLOSED: Final = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1_000_000
ANSWERS: Final[Mapping[str, tuple[Answer, str | None]]] = {
    "I01": (redirect(_TARGET, 302), "http_status"),
    "I04": (Answer(200, {"refresh": f"0; url={_TARGET}"}), None),
    "I05": (Answer(200, {"alt-svc": 'h3="10.0.0.5:443"; ma=60'}), None),
    "I06": (
        Answer(
            200,
            {"link": f"<{_TARGET}>; rel=preload", "strict-transport-security": "max-age=60", "set-cookie": "a=b"},
        ),
        None,
    ),
    "I08": (Answer(407, {"proxy-authenticate": "Negotiate", "www-authenticate": "Basic realm=x"}), "http_status"),
    "J01": (Answer(drip=(1, 0.5)), "timeout"),
    "J02": (Answer(body=b"x" * 1000, declared=1_000_000, drip=(16, 0.1)), "timeout"),
    "J04": (Answer(raw=_CLOSED, endless=Endless.BODY), None),
    "J07": (Answer(200, {f"x-{number}": "1" for number in range(20_000)}), "too_large"),
    "J08": (Answer(200, {"x-big": "x" * 10_000_000}), "too_large"),
    "J09": (Answer(raw=b"HTTP/1.1 20x OK\r\n\r\n"), "protocol"),
    "J11": (Answer(200, body=b"\0\xff\xfe" + b"x" * 1_000_000), None),
    "J13": (Answer(reset=Reset.BEFORE_ANSWER), "connect"),
    "J17": (Answer(200, {"content-type": "text/html"}, b"</script><img src=x onerror=alert(1)>"), None),
}
STRANGERS: Final = {
    "J15": ("https://stalls.hook.test:8443/J15", "timeout"),
    "L01": ("https://l1.hook.test/L01", "tls"),
    "L02": ("https://l2.hook.test/L02", "tls"),
    "L03": ("https://l3.hook.test/L03", "tls"),
    "L06": ("https://93.184.216.34/L06", "tls"),
}
"""Who does not say who they are, or says it with no authority's word."""

HEADERS: Final[Mapping[str, list[dict[str, str]]]] = {
    "K01": [{"Host": "internal.svc"}],
    "K02": [{"Content-Length": "0"}],
    "K03": [{"Transfer-Encoding": "chunked"}],
    "K04": [{"Connection": "close, X-Real-IP"}],
    "K05": [{name: "1"} for name in ("TE", "Trailer", "Upgrade", "Keep-Alive", "Expect")],
    "K07": [{name: "1"} for name in ("webhook-id", "webhook-timestamp", "webhook-signature", "webhook-anything")],
    "K09": [{"X-A": "a\r\nX-B: c"}, {"X-A\r\nX-B": "c"}],
    "K11": [{"X-A ": "1"}, {"X:A": "1"}, {"": "1"}],
    "K14": [{name: "1"} for name in ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")],
    "K16": [{f"X-{number}": "1" for number in range(101)}, {f"X-{number}": "x" * 2000 for number in range(5)}],
}

ELSEWHERE: Final = {
    "H11": "test_a_kept_connection_stays_where_it_was_judged",
    "M01": "every test here: the product's environment names proxies",
    "M03": "test_no_key_leaks_to_where_the_environment_says",
    "H16": "a public address of one's own is public: SECURITY.md says who closes it",
}
"""Cases that are no line of a table."""

CANARIES: Final = (CANARY, *FORBIDDEN[1:])
