"""The bounded pool of requests."""

import asyncio
import threading
from typing import Any

import pytest
from fastapi import HTTPException

from lesion_tracker.server.request_pool import RequestPool


def test_the_event_loop_stays_free_and_too_many_are_turned_away() -> None:
    pool = RequestPool(workers=1, waiting=1, timeout_s=30.0)
    go = threading.Event()

    async def run() -> tuple[list[Any], int]:
        waiting = [asyncio.ensure_future(pool.run(lambda: go.wait(30))) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(HTTPException) as refused:
            await pool.run(lambda: None)
        go.set()
        return await asyncio.gather(*waiting), refused.value.status_code

    assert asyncio.run(run()) == ([True, True], 503)
    assert asyncio.run(pool.run(lambda: 7)) == 7


def test_what_takes_too_long_is_answered() -> None:
    pool = RequestPool(workers=1, waiting=1, timeout_s=0.05)
    go = threading.Event()
    with pytest.raises(HTTPException) as late:
        asyncio.run(pool.run(lambda: go.wait(30)))
    go.set()
    assert late.value.status_code == 504


def test_errors_come_through() -> None:
    def fail() -> None:
        raise HTTPException(422, detail="no")

    with pytest.raises(HTTPException) as refused:
        asyncio.run(RequestPool(1, 0, 30.0).run(fail))
    assert refused.value.status_code == 422
