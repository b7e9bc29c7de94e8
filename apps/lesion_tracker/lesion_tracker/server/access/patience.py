"""How long a request may take to arrive: a client that sends a byte now and then must not hold a connection for ever."""

import asyncio

from starlette.types import Message, Receive

IDLE_S = 60.0
"""Without a byte of the body."""


def patient(receive: Receive) -> Receive:
    """Return what receives a request's body, and takes one that stops coming for a minute for a client that has gone.

    What is awaited after the body is awaited for ever.
    """
    whole = False

    async def in_time() -> Message:
        nonlocal whole
        if whole:
            return await receive()
        try:
            async with asyncio.timeout(IDLE_S):  # wait_for can lose a cancellation that comes with the message
                message = await receive()
        except TimeoutError:
            message = {"type": "http.disconnect"}
        whole = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    return in_time
