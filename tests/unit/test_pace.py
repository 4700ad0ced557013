"""How soon a loop turns again."""

import asyncio

from workers.loop import Pace


async def still_waits(pace: Pace) -> bool:
    turn = asyncio.create_task(pace.wait())
    await asyncio.wait([turn], timeout=0.05)
    turn.cancel()
    return not turn.done()


async def test_a_loop_that_has_rested_turns_at_once() -> None:
    assert not await still_waits(Pace(3600))


async def test_a_loop_that_has_just_turned_waits() -> None:
    pace = Pace(3600)

    await pace.wait()

    assert await still_waits(pace)


async def test_a_loop_turns_again_once_it_has_waited() -> None:
    pace = Pace(0.001)

    await pace.wait()
    await pace.wait()

    assert not await still_waits(pace)
