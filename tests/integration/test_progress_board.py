"""How far tasks are, as others read it: whatever stands there holds nobody up."""

import pytest

from core.model.ids import TaskId
from core.progress import Progress, ProgressBoard
from core.redis import open_redis
from tests.support.rows import Rows


@pytest.mark.parametrize("written", [b'{"current":null}', b'{"current":1,"message":7}', b"{", b"[]"])
async def test_what_is_no_progress_is_none(rows: Rows, redis_url: str, written: bytes) -> None:
    redis, task = open_redis(redis_url), TaskId(rows.new_id())
    await redis.set(f"ringback:progress:{task}:1", written)

    assert await ProgressBoard(redis, ttl=60).get(task, 1) is None

    await redis.aclose()


def test_a_message_is_told_as_postgres_can_keep_it() -> None:
    assert Progress(1, 2, "a\x00b").document() == {"current": 1, "total": 2, "message": "a\ufffdb"}
