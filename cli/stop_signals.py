import signal
import socket
from types import FrameType, TracebackType
from typing import Final, Self

from core.clock import monotonic

_STOPPING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SAME_REQUEST: Final = 0.5  # `make` passes on a signal that the terminal has sent as well


class StopSignals:
    """Counts the wishes to stop, and wakes a selector that watches `wake`.

    `wake` becomes readable on each of these signals and whenever a child ends (SIGCHLD).
    """

    def __init__(self) -> None:
        """Make the socket; signals are caught from `__enter__` on."""
        self.wake, self._bell = socket.socketpair()
        self.wake.setblocking(False)
        self._bell.setblocking(False)
        self.first: signal.Signals | None = None
        self._first_at = 0.0
        self._hurry = False

    @property
    def stop(self) -> bool:
        """Whether somebody wishes an end."""
        return self.first is not None

    @property
    def hurry(self) -> bool:
        """Whether somebody wished it twice."""
        return self._hurry

    def __enter__(self) -> Self:
        self._handlers = {number: signal.signal(number, self._wish) for number in _STOPPING}
        self._handlers[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, _only_wake)
        self._wakeup = signal.set_wakeup_fd(self._bell.fileno(), warn_on_full_buffer=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.set_wakeup_fd(self._wakeup)
        for number, handler in self._handlers.items():
            # Who wished an end gets it; a last impatient Ctrl-C must not turn a clean exit into a killed one.
            signal.signal(number, signal.SIG_IGN if self.stop else handler)
        self.wake.close()
        self._bell.close()

    def _wish(self, number: int, _frame: FrameType | None) -> None:
        if self.first is None:
            self.first, self._first_at = signal.Signals(number), monotonic()
        elif monotonic() - self._first_at > _SAME_REQUEST:
            self._hurry = True


def _only_wake(_number: int, _frame: FrameType | None) -> None:
    """Exist: without a handler in Python, a signal does not write to the wake-up socket."""
