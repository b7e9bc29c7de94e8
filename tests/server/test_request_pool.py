"""The bounded pool of requests."""

import asyncio
import threading
from typing import Any

import pytest
from starlette.requests import Request

from lesion_tracker.errors import Abandoned, InputError, Overdue, Overloaded
from lesion_tracker.server.request_pool import RequestPool, require_wanted


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


def asked_from(host: str) -> tuple[Request, asyncio.Event]:
    """Return a request, and what says that its client has gone."""
    gone = asyncio.Event()

    async def receive() -> dict[str, str]:
        await gone.wait()
        return {"type": "http.disconnect"}

    return Request({"type": "http", "client": (host, 1)}, receive), gone


def test_what_a_client_no_longer_waits_for_is_not_computed_and_what_runs_ends_at_its_next_stage() -> None:
    pool = RequestPool(workers=1, waiting=60, timeout_s=30.0)
    started, go, computed = threading.Event(), threading.Event(), []

    def long_job() -> None:
        started.set()
        go.wait(30)
        require_wanted()
        computed.append("running")

    async def run() -> None:
        request, gone = asked_from("10.0.0.1")
        first = asyncio.ensure_future(pool.run(long_job, request))
        others = [asyncio.ensure_future(pool.run(lambda: computed.append("queued"), request)) for _ in range(40)]
        while not started.is_set():
            await asyncio.sleep(0.01)
        gone.set()
        ended = await asyncio.gather(first, *others, return_exceptions=True)
        assert {type(one) for one in ended} == {Abandoned}
        waiting = asyncio.ensure_future(pool.run(lambda: computed.append("next"), asked_from("10.0.0.2")[0]))
        await asyncio.sleep(0)
        go.set()
        await waiting

    asyncio.run(run())
    assert computed == ["next"]
    assert pool._taken == {}


def test_clients_take_turns_and_one_cannot_take_all_places() -> None:
    pool = RequestPool(workers=1, waiting=11, timeout_s=30.0)
    go, order = threading.Event(), []

    async def run() -> None:
        greedy, other = asked_from("10.0.0.1")[0], asked_from("10.0.0.2")[0]
        first = asyncio.ensure_future(pool.run(lambda: go.wait(30), greedy))
        many = [asyncio.ensure_future(pool.run(lambda n=n: order.append(f"greedy {n}"), greedy)) for n in range(8)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded, match="9 of your requests"):
            await pool.run(lambda: None, greedy)
        one = asyncio.ensure_future(pool.run(lambda: order.append("other"), other))
        await asyncio.sleep(0)
        go.set()
        await asyncio.gather(first, *many, one)

    asyncio.run(run())
    assert order.index("other") <= 1
    assert order[-1] == "greedy 7"
