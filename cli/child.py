"""One process under the supervisor, and how often it may die.

```
start ──► runs ──► dies ──► pause 0.2 s, 0.4 s, … 5 s ──► start
                     └────► five deaths within 30 s: it will not come up; give up
```
"""

import os
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from signal import SIGKILL, Signals
from subprocess import Popen
from typing import Final

_WINDOW: Final = 30.0
_DEATHS: Final = 5
_FIRST_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 5.0
_TAIL: Final = 12


class Child:
    """A process that is started again when it dies; times are of the monotonic clock."""

    def __init__(
        self,
        name: str,
        launch: Callable[[], Popen[bytes]],
        *,
        stop_signal: Signals = Signals.SIGTERM,
        log: Path | None = None,
    ) -> None:
        """Describe the child.

        Args:
            name: what its lines begin with.
            launch: starts the process, in a process group of its own.
            stop_signal: asks it to end.
            log: file that takes what it says; `None`: its standard output is a pipe.
        """
        self.name = name
        self.stop_signal = stop_signal
        self.restart_at: float | None = None
        self.process: Popen[bytes] | None = None
        self.tail: deque[str] = deque(maxlen=_TAIL)
        self._launch = launch
        self._log = log
        self._deaths: deque[float] = deque(maxlen=_DEATHS)

    @property
    def runs(self) -> bool:
        """Whether its process has been started and has not ended."""
        return self.process is not None and self.process.poll() is None

    def start(self) -> Popen[bytes]:
        """Start the process."""
        self.restart_at = None
        self.process = self._launch()
        return self.process

    def note_death(self, now: float) -> float | None:
        """Note that the process has ended and return the seconds to pause, `None` if it is hopeless."""
        self._deaths.append(now)
        recent = sum(1 for death in self._deaths if now - death < _WINDOW)
        if recent >= _DEATHS:
            return None
        pause = min(_FIRST_PAUSE * 2 ** (recent - 1), _LONGEST_PAUSE)
        self.restart_at = now + pause
        return pause

    def signal(self) -> None:
        """Ask the process to end, if it runs."""
        if self.process:
            self.process.send_signal(self.stop_signal)

    def kill(self) -> None:
        """End the process and the children that it started."""
        if self.process and self.runs:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, SIGKILL)

    def ending(self) -> str:
        """Say how the process ended."""
        code = self.process.returncode if self.process else None
        return f"was ended by {Signals(-code).name}" if code and code < 0 else f"ended with exit code {code}"

    def last_words(self) -> list[str]:
        """Return the last lines that it said."""
        if self._log and self._log.exists():
            return self._log.read_text(errors="replace").splitlines()[-_TAIL:]
        return list(self.tail)
