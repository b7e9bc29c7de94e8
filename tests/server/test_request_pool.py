"""The bounded pool of requests."""

import asyncio
import threading
from typing import Any

import pytest

from lesion_tracker.errors import InputError, Overdue, Overloaded
from lesion_tracker.server.request_pool import RequestPool


def test_the_event_loop_stays_free_and_too_many_are_turned_away() -> None:
    pool = RequestPool(workers=1, waiting=1, timeout_s=30.0)
    go = threading.Event()

    async def run() -> list[Any]:
        waiting = [asyncio.ensure_future(pool.run(lambda: go.wait(30))) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded, match="2 requests are being computed or wait"):
            await pool.run(lambda: None)
        go.set()
        return await asyncio.gather(*waiting)

    assert asyncio.run(run()) == [True, True]
    assert asyncio.run(pool.run(lambda: 7)) == 7


def test_what_takes_too_long_is_answered() -> None:
    pool = RequestPool(workers=1, waiting=1, timeout_s=0.05)
    go = threading.Event()
    with pytest.raises(Overdue, match=r"no answer within 0\.05 s"):
        asyncio.run(pool.run(lambda: go.wait(30)))
    go.set()


def test_errors_come_through() -> None:
    def fail() -> None:
        raise InputError("no")

    with pytest.raises(InputError, match="no"):
        asyncio.run(RequestPool(1, 0, 30.0).run(fail))
