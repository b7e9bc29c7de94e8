"""What a request may carry: a text of many megabytes takes three times as much memory, and ends a server."""

import warnings
from collections.abc import Iterator

import pytest
from fastapi import APIRouter, FastAPI, Request

from lesion_tracker.server import addresses
from lesion_tracker.server.access.body_size import MIB, ROOM_MB, WORDS_MB
from lesion_tracker.server.serving import serve

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # starlette would rather have httpx's successor
    from fastapi.testclient import TestClient

VOLUME_MB = 1.0
WORDS, VOLUME = int(WORDS_MB * MIB), int((VOLUME_MB + ROOM_MB) * MIB)
ASKED = [("POST", addresses.MOVE, WORDS), ("POST", addresses.TOKEN, WORDS), ("PUT", addresses.IMAGE, VOLUME)]


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    """Return a client of an application that answers how many bytes arrived."""
    router, application = APIRouter(), FastAPI()

    async def count(request: Request) -> int:
        return len(await request.body())

    for method, path, _ in ASKED:
        router.add_api_route(path, count, methods=[method])
    serve(application, [router], None, frozenset(), frozenset({"testserver"}), VOLUME_MB)
    with TestClient(application, raise_server_exceptions=False) as running:
        yield running


def _pieces(size: int) -> Iterator[bytes]:
    yield from (bytes(MIB) for _ in range(size // MIB))
    yield bytes(size % MIB)


@pytest.mark.parametrize(("method", "path", "most"), ASKED)
def test_a_request_carries_no_more_than_it_needs(client: TestClient, method: str, path: str, most: int) -> None:
    assert client.request(method, path, content=bytes(most)).text == str(most)
    refused = client.request(method, path, content=b"", headers={"Content-Length": str(most + 1)})
    assert refused.status_code == 413
    assert f"carries {most + 1} bytes, more than the {most} that are accepted here" in refused.json()["detail"]
    assert ("volume_mb" in refused.json()["detail"]) == (most == VOLUME)
    assert client.request(method, path, content=_pieces(most)).text == str(most)  # in pieces, of no length that is said
    assert client.request(method, path, content=_pieces(most + 1)).status_code >= 400
