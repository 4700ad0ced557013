"""How the two clients wait."""

import asyncio
import time


def pause(seconds: float) -> None:
    """Wait in this thread."""
    time.sleep(seconds)


async def async_pause(seconds: float) -> None:
    """Wait, and let the event loop go on."""
    await asyncio.sleep(seconds)
