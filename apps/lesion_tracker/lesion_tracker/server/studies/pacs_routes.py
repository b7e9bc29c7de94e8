"""The route of a server on a PACS that is OHIF's way to the images."""

from collections.abc import Iterator
from typing import Any

import requests
from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from monailabel.endpoints.user.auth import User

from lesion_tracker.errors import InputError
from lesion_tracker.pacs.dicomweb import DicomWeb
from lesion_tracker.server import addresses
from lesion_tracker.server.access.roles import READER

CHUNK_BYTES = 1 << 18
RESOURCES = ("studies", "series", "instances")
"""What a DICOMweb address begins with; other addresses of a PACS are nobody's business."""

PASSED = ("content-type", "content-encoding", "content-length", "etag", "last-modified", "cache-control", "warning")
"""Headers of the PACS's answer that reach the viewer."""


def pacs_routes(web: DicomWeb) -> APIRouter:
    """Return the routes that go before MONAI Label's when the studies are on a PACS.

    It is a plain function, so it waits for the PACS in a thread, not in the server's event loop.

    Args:
        web: the PACS.
    """
    router = APIRouter(tags=["Datastore"])

    @router.get(addresses.PACS_PROXY, include_in_schema=False)
    def proxy(request: Request, service: str, path: str, user: User = READER) -> Any:
        answer = web.proxied(
            _resource(service, path),
            request.url.query,
            request.headers.get("accept", "*/*"),
            request.headers.get("accept-encoding", "identity"),
        )
        headers = {name: value for name, value in answer.headers.items() if name.lower() in PASSED}
        return StreamingResponse(_body(answer), answer.status_code, headers)

    return router


def _resource(service: str, path: str) -> str:
    parts = path.split("/")
    if service not in ("qido", "wado") or parts[0] not in RESOURCES or any(part in ("", ".", "..") for part in parts):
        raise InputError(f"{path!r} is nothing that a viewer reads from a PACS; it begins with {', '.join(RESOURCES)}")
    return path


def _body(answer: requests.Response) -> Iterator[bytes]:
    """Yield the body as it comes, still compressed where the PACS compressed it."""
    with answer:
        yield from answer.raw.stream(CHUNK_BYTES, decode_content=False)
