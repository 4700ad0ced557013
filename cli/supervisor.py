"""One foreground process that starts the others, starts them again when they die, and ends them in order.

```
Postgres ─► Redis ─► migrations ─► api, worker, deliverer         start
api, worker, deliverer ─► Redis ─► Postgres                       stop
```

A plain loop on the main thread: it alone may fork (see `cli.embedded.processes`), and it is the one that gets
signals. It sleeps in a selector until a child says something, a child ends, or a signal comes.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from signal import Signals
from subprocess import PIPE
from types import TracebackType
from typing import IO, Final, Self

from cli.child import Child
from cli.embedded.processes import spawn
from cli.embedded.store import Store, wait_until_ready
from cli.log_pipes import LogPipes
from cli.stop_signals import StopSignals
from core.clock import monotonic
from core.model.start_error import StartError

GRACE: Final = 35.0
"""Seconds: a deliverer ends what is on the wire, which takes 30 at the most unless told otherwise."""
_IDLE: Final = 60.0
_NAME: Final = "ringback"


@dataclass(frozen=True, slots=True)
class Program:
    """What runs as one child: its name in the log and its command."""

    name: str
    argv: Sequence[str]


class StopRequestedError(Exception):
    """Somebody wished an end before everything had started."""


class Supervisor:
    """Owns the children; leaving its `with` block ends them all."""

    def __init__(self, signals: StopSignals, sink: IO[bytes], *, grace: float = GRACE) -> None:
        """Log to `sink`; children get `grace` seconds to end."""
        self._signals = signals
        self._pipes = LogPipes(sink, signals.wake)
        self._grace = grace
        self._stores: list[Child] = []
        self._programs: list[Child] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._signals.stop:
            self.say("stopping; once more hurries")
        self._end(self._programs)
        for store in reversed(self._stores):
            self._end([store])
        self._pipes.close()

    def say(self, line: str) -> None:
        """Write one line of our own to the log."""
        self._pipes.say(_NAME, line)

    def start_store(self, store: Store) -> None:
        """Start a store and return once it can be used.

        Raises:
            StartError: it does not come up.
            StopRequestedError: there was a signal meanwhile.
        """
        self._refuse_if_stopping()
        child = Child(store.name, store.launch, stop_signal=store.stop_signal, log=store.log)
        self._stores.append(child)
        wait_until_ready(store, child.start(), until=lambda: self._signals.stop)
        self._refuse_if_stopping()

    def run_to_end(self, program: Program, env: Mapping[str, str]) -> None:
        """Run a program that ends by itself; what it says is shown only if it fails.

        Raises:
            StartError: it failed.
            StopRequestedError: there was a signal meanwhile.
        """
        self._refuse_if_stopping()
        child = self._child(program, env)
        self._start(child, echo=False)
        while child.runs and not self._signals.stop:
            self._pipes.turn(_IDLE)
        self._end([child])
        self._refuse_if_stopping()
        if child.process and child.process.returncode:
            self._give_up(child, f"{program.name} failed")

    def start(self, programs: Sequence[Program], env: Mapping[str, str]) -> None:
        """Start programs that are to run until the end."""
        self._refuse_if_stopping()
        self._programs = [self._child(program, env) for program in programs]
        for child in self._programs:
            self._start(child)

    def watch(self, turn: Callable[[], float | None]) -> None:
        """Keep the children running; return when there is a signal.

        Args:
            turn: called after each event; returns the seconds after which it wants to be called again at the
                latest, `None` if it only follows events.

        Raises:
            StartError: a child keeps dying.
        """
        while not self._signals.stop:
            wishes = [turn(), *(self._revive(child) for child in (*self._stores, *self._programs))]
            self._pipes.turn(min((wish for wish in wishes if wish is not None), default=_IDLE))

    def _refuse_if_stopping(self) -> None:
        if self._signals.stop:
            raise StopRequestedError

    def _child(self, program: Program, env: Mapping[str, str]) -> Child:
        # What it leaves undone is found by the next start; when we were killed, the stores end with us.
        return Child(
            program.name,
            lambda: spawn(program.argv, death_signal=Signals.SIGKILL, env=env, output=PIPE),
        )

    def _start(self, child: Child, *, echo: bool = True) -> None:
        stream = child.start().stdout
        if stream:
            self._pipes.follow(stream, child.name, child.tail, echo=echo)

    def _revive(self, child: Child) -> float | None:
        """Start a dead child again when its pause is over; return the seconds until then."""
        if child.runs:
            return None
        now = monotonic()
        if child.restart_at is None:
            pause = child.note_death(now)
            if pause is None:
                self._give_up(child, f"{child.name} keeps dying")
            self.say(f"{child.name} {child.ending()}; starting it again in {pause:.1f} s")
        elif child.restart_at <= now:
            self._start(child)
            self.say(f"{child.name} runs again")
            return None
        return max(0.0, (child.restart_at or now) - now)

    def _give_up(self, child: Child, what: str) -> None:
        self._pipes.turn(0)
        self.say(f"{what}; its last words:")
        for line in child.last_words():
            self.say(f"  {line}")
        raise StartError(f"{what} ({child.ending()})")

    def _end(self, children: Sequence[Child]) -> None:
        for child in children:
            child.signal()
        deadline = monotonic() + self._grace
        while any(child.runs for child in children):
            if monotonic() >= deadline or self._signals.hurry:
                for child in children:
                    child.kill()
            self._pipes.turn(0.05 if self._signals.hurry else max(0.05, deadline - monotonic()))
        with suppress(OSError):
            self._pipes.turn(0)
