"""OHIF's way to the images of a PACS: what viewers read, by GET, in threads of its own."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import requests
from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from lesion_tracker.errors import NotFound, Overloaded
from lesion_tracker.pacs.dicomweb import DicomWeb
from lesion_tracker.pacs.viewer_requests import require_kind, viewer_path, viewer_query
from lesion_tracker.server import addresses

THREADS = 16
"""Viewers' requests that wait for the PACS at the same time: a slow PACS takes no thread from anything else."""

WAITING = 512
"""Requests that may wait for one of them."""

SERVICES = ("qido", "wado")
PASSED = ("content-type", "content-encoding", "content-length", "warning")
"""Headers of the PACS's answer that reach the viewer; no cookie, and none of its rules for browsers."""

SAFE = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox"}


def pacs_routes(web: DicomWeb) -> APIRouter:
    """Return the route of a server whose studies are on a PACS.

    Args:
        web: the PACS.
    """
    router = APIRouter(tags=["Datastore"])
    threads: list[CapacityLimiter] = []

    @router.get(addresses.PACS_PROXY, include_in_schema=False)
    async def proxy(request: Request, service: str, path: str) -> Any:
        if service not in SERVICES:
            raise NotFound(f"{service[:100]!r} is no service of a PACS: {' or '.join(SERVICES)}")
        where, query = viewer_path(path), viewer_query(request.url.query)
        accept, encoding = request.headers.get("accept", "*/*"), request.headers.get("accept-encoding", "identity")
        limiter = threads[0] if threads else CapacityLimiter(THREADS)
        threads[:] = [limiter]  # an event loop must run when it is made
        if limiter.statistics().tasks_waiting >= WAITING:
            raise Overloaded(f"{WAITING} requests of viewers wait for the PACS already; try again in a moment")
        answer = await to_thread.run_sync(lambda: _asked(web, where, query, accept, encoding), limiter=limiter)
        headers = {name: value for name, value in answer.headers.items() if name.lower() in PASSED}
        return StreamingResponse(_sent(answer, web.body_of(answer), limiter), answer.status_code, {**headers, **SAFE})

    return router


def _asked(web: DicomWeb, path: str, query: str, accept: str, encoding: str) -> requests.Response:
    answer = web.proxied(path, query, accept, encoding)
    try:
        if answer.status_code != 204:
            require_kind(answer.headers.get("Content-Type", ""))
    except BaseException:
        answer.close()
        raise
    return answer


async def _sent(answer: requests.Response, pieces: Iterator[bytes], limiter: CapacityLimiter) -> AsyncIterator[bytes]:
    """Yield a body as it comes, still compressed where the PACS compressed it."""
    try:
        while piece := await to_thread.run_sync(next, pieces, b"", limiter=limiter):
            yield piece
    finally:
        answer.close()
