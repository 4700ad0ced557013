"""What a receiver of webhooks has to take, and what it has to refuse: the trials of a check, and what they mean.

```
trial ──► Message (signed by who has the keys) ──► body_of, headers_of (sent by who has none) ──► judge ──► Verdict
```
After Standard Webhooks 1.0.0: signatures over ID, timestamp and body, a tolerance of five minutes, several signatures
during a rotation, an ID that may come again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from core.model.signature import Scheme, SigningKey, new_secret, sign

TYPE: Final = "ringback.test"
LARGE: Final = 1024 * 1024
"""Bytes: the largest event that Ringback takes."""
SLOW: Final = 2.0
"""Seconds that a slow body takes."""
STALE: Final = 3600
"""Seconds that a stale timestamp lies back; five minutes are to be tolerated."""
REFUSED: Final = range(400, 500)
TAKEN: Final = range(200, 300)
NOT_SENT: Final = "not_sent"
"""The error of a trial that was left out, as one before it was not answered."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One thing that is tried: what is sent, whether it has to be taken, and how to mend it if it is not as it should.

    `pause` is how many seconds the body takes.
    """

    name: str
    sends: str
    taken: bool
    mend: str
    pause: float = 0.0


_BYTES: Final = "Verify the bytes of the body as they came, before anything parses them."
_VERIFY: Final = "Verify with a Standard Webhooks library, and answer 401 to what does not verify."
GOOD: Final = "good_signature"
TRIALS: Final = (
    Trial(GOOD, "a message with a good signature", taken=True, mend=f"Is it the secret of this endpoint? {_BYTES}"),
    Trial("repeat", "the same message again", taken=True, mend="Take what came before as done, and answer 2xx again."),
    Trial("bad_signature", "a signature by another secret", taken=False, mend=_VERIFY),
    Trial("no_signature", "no signature at all", taken=False, mend="Refuse what has no webhook-signature."),
    Trial(
        "empty_signature", "the signature `v1,`", taken=False, mend="An empty signature verifies nothing: refuse it."
    ),
    Trial(
        "stale_timestamp",
        "a good signature with the timestamp of an hour ago",
        taken=False,
        mend="Compare webhook-timestamp with your clock, five minutes either way; else what was overheard can be sent.",
    ),
    Trial("wrong_id", "another webhook-id than was signed", taken=False, mend="The signature covers webhook-id too."),
    Trial("changed_body", "a body with one more space than was signed", taken=False, mend=_BYTES),
    Trial(
        "rotation",
        "two signatures, the second one good",
        taken=True,
        mend="webhook-signature is a list with spaces between: one that verifies is enough.",
    ),
    Trial("large_body", "a message of 1 MiB", taken=True, mend="Let bodies of 1 MiB through, proxies included."),
    Trial(
        "slow_body",
        "a body that takes two seconds to come",
        taken=True,
        mend="Read the body to the end that Content-Length tells, however it is cut.",
        pause=SLOW,
    ),
)
BY_NAME: Final[Mapping[str, Trial]] = {trial.name: trial for trial in TRIALS}


@dataclass(frozen=True, slots=True)
class Message:
    """What a trial sends, without its body: that follows from the name and the timestamp (Unix seconds)."""

    trial: str
    id: str
    timestamp: int
    signature: str | None


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of a trial; `passed` is `None` where it proves nothing, `mend` says what to do if it failed."""

    trial: Trial
    passed: bool | None
    mend: str | None


def messages(keys: Sequence[SigningKey], *, now: int, new_id: Callable[[], str]) -> list[Message]:
    """Return all trials' messages, signed; `now` is in Unix seconds. The repeat has the ID of the first."""
    first = new_id()
    return [_message(trial, keys, now, first if trial.name in {GOOD, "repeat"} else new_id()) for trial in TRIALS]


def body_of(message: Message) -> bytes:
    """Return the body that is sent."""
    body = _signed_body(message.trial, message.timestamp)
    return body + b" " if message.trial == "changed_body" else body


def headers_of(message: Message, *, version: str) -> dict[str, str]:
    """Return the headers that are sent."""
    told = {
        "Content-Type": "application/json",
        "Accept-Encoding": "identity",
        "User-Agent": f"Ringback/{version}",
        "webhook-id": message.id,
        "webhook-timestamp": str(message.timestamp),
    }
    return told if message.signature is None else {**told, "webhook-signature": message.signature}


def judge(trial: Trial, status: int | None, *, error: str | None, proves: bool = True) -> Finding:
    """Say whether an answer is as it should be: a status, or why there is none.

    While a good message is refused nothing else proves anything: `proves` is false then.
    """
    if not proves and trial.name != GOOD:
        return Finding(trial, passed=None, mend=None)
    if status is None:
        return Finding(trial, passed=False, mend=_UNANSWERED.get(str(error), f"It gave no answer: {error}."))
    if status in (TAKEN if trial.taken else REFUSED):
        return Finding(trial, passed=True, mend=None)
    if not trial.taken and status not in TAKEN:
        return Finding(
            trial, passed=False, mend=f"Refuse it with 401; {status} says that it failed, or went elsewhere."
        )
    return Finding(trial, passed=False, mend=trial.mend)


_UNANSWERED: Final[Mapping[str, str]] = {
    "timeout": "Answer as soon as the message is kept, and do the work afterwards.",
    "connect": "It does not listen there, or hangs up.",
    "tls": "Its certificate does not verify, or it speaks no TLS 1.2.",
    "dns": "Its name does not resolve.",
    "blocked_address": "Its address is not allowed.",
    "protocol": "Its answer is no HTTP/1.1.",
}


def _message(trial: Trial, keys: Sequence[SigningKey], now: int, id_: str) -> Message:
    at = now - STALE if trial.name == "stale_timestamp" else now
    body = _signed_body(trial.name, at)
    strangers = [new_secret(Scheme.HMAC if key.scheme is Scheme.HMAC else Scheme.ED25519) for key in keys[:1]]
    match trial.name:
        case "bad_signature":
            signature = sign(strangers, message_id=id_, timestamp=at, body=body)
        case "rotation":
            signature = sign([*strangers, *keys], message_id=id_, timestamp=at, body=body)
        case "wrong_id":
            signature = sign(keys, message_id=f"{id_}x", timestamp=at, body=body)
        case "no_signature":
            return Message(trial.name, id_, at, None)
        case "empty_signature":
            return Message(trial.name, id_, at, "v1,")
        case _:
            signature = sign(keys, message_id=id_, timestamp=at, body=body)
    return Message(trial.name, id_, at, signature)


def _signed_body(trial: str, timestamp: int) -> bytes:
    at = datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    head, tail = f'{{"type":"{TYPE}","timestamp":"{at}","data":{{"check":"{trial}","padding":"', '"}}'
    padding = LARGE - len(head) - len(tail) if trial == "large_body" else 0
    return (head + "x" * padding + tail).encode()
