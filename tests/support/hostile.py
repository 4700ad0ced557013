"""Forty texts that would do harm on a page that took them for anything but text, and a tenant that is full of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tests.support.answers import Answer
from tests.support.showcase import Showcase
from tests.support.stack import eventually
from tests.support.threaded import ThreadedReceiver

BEACON: Final = "http://127.0.0.1:9/beacon"
PAYLOADS: Final[Sequence[str]] = (
    "<script>alert(1)</script>",
    f"<script src={BEACON}.js></script>",
    f"<img src={BEACON}.png>",
    "<img src=x onerror=alert(2)>",
    "<svg onload=alert(3)>",
    "<svg><script>alert(4)</script></svg>",
    f"<svg><image href={BEACON}.svg></svg>",
    f"<iframe src={BEACON}></iframe>",
    "<iframe srcdoc='<script>alert(5)</script>'></iframe>",
    f"<object data={BEACON}></object>",
    f"<embed src={BEACON}>",
    f"<link rel=stylesheet href={BEACON}.css>",
    f"<style>@import '{BEACON}';</style>",
    f"<style>body{{background:url({BEACON})}}</style>",
    f"<p style='background:url({BEACON})'>x</p>",
    f"<meta http-equiv=refresh content='0;url={BEACON}'>",
    f"<base href='{BEACON}/'>",
    f"<form action={BEACON}><button>x</button></form>",
    "<button onclick=alert(6) autofocus onfocus=alert(7)>x</button>",
    "<input autofocus onfocus=alert(8)>",
    "<details open ontoggle=alert(9)>x</details>",
    f"<video poster={BEACON}><source src={BEACON}></video>",
    f"<audio src={BEACON} autoplay onerror=alert(10)></audio>",
    "<math><mtext></mtext><mglyph><style><img src=x onerror=alert(11)></style></mglyph></math>",
    "</script><script>alert(12)</script>",
    "</pre></code><script>alert(13)</script>",
    '"><script>alert(14)</script>',
    "' onmouseover='alert(15)",
    "javascript:alert(16)",
    "data:text/html,<script>alert(17)</script>",
    "{{7*7}}${7*7}<%= 7*7 %>#{7*7}",
    "${alert(18)}`${alert(19)}`",
    f"[x](javascript:alert(20)) ![x]({BEACON})",
    '=HYPERLINK("http://127.0.0.1:9","x")',
    "\u202egnp.exe\u202c",
    "zero\u200bwidth\ufeffjoiner\u200d",
    "\x1b[31mred\x1b]8;;http://127.0.0.1:9\x07link",
    "__proto__",
    "constructor",
    '{"constructor":null,"type":"b","props":{"dangerouslySetInnerHTML":{"__html":"<img src=x onerror=alert(9)>"}}}',
)
_UNSEEN: Final = "\u202e\u202c\u200b\ufeff\u200d\x1b\x07"


def visible(text: str) -> str:
    """Return a text as the dashboard shows it: what cannot be seen, as an escape."""
    return "".join(f"\\u{ord(one):04x}" if one in _UNSEEN else one for one in text)


@dataclass(frozen=True)
class Trap:
    """A tenant all of whose texts are hostile, and its things."""

    key: str
    endpoint: str
    event: str
    delivery: str
    task: str


def lay(show: Showcase, receiver: ThreadedReceiver) -> Trap:
    """Make the tenant; the receiver answers with the payloads too."""
    stack = show.stack
    every = "\n".join(PAYLOADS)
    kind = {f"X-Trap-{n}": visible(one).replace("\n", " ") for n, one in enumerate(PAYLOADS)}
    receiver.script(Answer(500, kind, every.encode()), path="/trap")
    stack.client.post("/v1/tenants", json={"slug": "trap", "name": PAYLOADS[3]}).raise_for_status()
    acting = {"Ringback-Tenant": "trap"}
    url = f"http://127.0.0.1:{receiver.receiver.port}/trap"
    for n, one in enumerate(PAYLOADS):
        _one_of_each(show, acting, f"{url}?{n}", one)
    whole = {"url": url, "event_types": ["trap.all"], "description": every[:2000], "metadata": {"all": every[:500]}}
    endpoint = show.post("/v1/endpoints", whole, **acting)["id"]
    data = {"all": PAYLOADS, **dict.fromkeys(PAYLOADS, 1)}
    event = show.post("/v1/events", {"type": "trap.all", "data": data, "id": "<b>id</b>"}, **acting)["id"]
    described = {"description": every[:2000], "schema": {"title": every}, "example": data}
    stack.client.put("/v1/event-types/trap.all", json=described, headers=acting).raise_for_status()
    body = {
        "type": "words.count",
        "input": {"text": every},
        "metadata": {"all": every[:500]},
        "unique_key": PAYLOADS[0],
    }
    task = show.post("/v1/tasks", body, **acting, Prefer="respond-async")["task_id"]
    key = show.post("/v1/keys", {"name": "reader", "role": "admin"}, **acting)["key"]
    delivery = eventually(lambda: _sent(show, acting, endpoint))
    return Trap(key, endpoint, event, delivery, task)


def _one_of_each(show: Showcase, acting: dict[str, str], url: str, text: str) -> None:
    quiet = {"url": url, "event_types": ["none"], "description": text, "owner": text, "metadata": {"m": text}}
    show.post("/v1/endpoints", quiet, **acting)
    show.post("/v1/keys", {"name": text, "role": "partner", "owner": text}, **acting)
    show.post("/v1/portal-links", {"owner": text}, **acting)
    show.post("/v1/events", {"type": "trap.one", "data": text, "id": text, "ordering_key": text}, **acting)


def _sent(show: Showcase, acting: dict[str, str], endpoint: str) -> str:
    """Return the delivery to the endpoint, once an attempt has been recorded."""
    asked = {"endpoint_id": endpoint, "limit": "1"}
    (found,) = show.stack.client.get("/v1/deliveries", params=asked, headers=acting).raise_for_status().json()["data"]
    assert found["last_response_code"] == 500
    return str(found["id"])
