"""Nothing is led on to where nothing is: only an address that lacks its last stroke is, and from where the reader is."""

import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI

from lesion_tracker.pacs.dicomweb import DicomWeb
from lesion_tracker.server import addresses
from lesion_tracker.server.addresses import REACHABLE
from lesion_tracker.server.serving import serve
from lesion_tracker.server.studies.pacs_routes import pacs_routes

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # starlette's own client
    from fastapi.testclient import TestClient


class NeverAsked(DicomWeb):
    """A PACS that no request of this file may reach."""

    def __init__(self) -> None:
        pass

    def proxied(self, path: str, *_: Any) -> Any:
        raise AssertionError(f"the PACS was asked for {path!r}")


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    """Return a client of an application with every listed route; those but the proxy's answer 200."""
    router, application = APIRouter(), FastAPI()
    for route in REACHABLE:
        if route.path != addresses.PACS_PROXY:
            router.add_api_route(route.path, lambda: "answered", methods=[route.method])
    serve(application, [pacs_routes(NeverAsked()), router], None, frozenset(), frozenset({"testserver"}))
    with TestClient(application, follow_redirects=False) as running:
        yield running


BELOW = (
    "",
    "/dicom",
    "/dicom/system",
    "/dicom/qido",
    "/dicom/wado",
    "/dicom/stow",
    "/dicom/{service}",
    "/dicom/%2e%2e",
)
MORE = (
    "",
    "/",
    "//",
    "/system",
    "/system/",
    "//system",
    "/studies/",
    "//studies",
    "/.",
    "/%2f",
    "/?x=1",
    "/{path:path}",
)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_every_shape_of_address_below_the_proxy_is_refused(client: TestClient, method: str) -> None:
    for first in ("/proxy", "//proxy", "/proxy/"):
        for below in BELOW:
            for more in MORE:
                status = client.request(method, f"http://testserver{first}{below}{more}").status_code
                assert status in (404, 405, 422), (method, first, below, more, status)
    assert client.get("/proxy/dicom/system").status_code == 404
    assert client.get("/proxy/dicom/system/").status_code == 404


LED_ON = {"/info", "/session", "/datastore", "/lesions", "/train", "/models", "/ohif"}


def test_only_an_address_that_lacks_its_last_stroke_is_led_on(client: TestClient) -> None:
    led = set()
    for route in REACHABLE:
        filled = route.path.replace("{path:path}", "x").replace("{", "").replace("}", "")
        roots = {path.rstrip("/") for path in (filled, route.path, route.path.removesuffix("{path:path}"))}
        for asked in {shape for root in roots for shape in (root or "/", f"{root}/", f"{root}//", f"/{root}")}:
            answer = client.request(route.method, f"http://testserver{asked}")
            if answer.is_redirect:
                led.add(asked)
                assert client.request(route.method, f"http://testserver{asked}/").status_code == 200
    assert led == LED_ON


def test_it_is_led_on_from_where_the_reader_is(client: TestClient) -> None:
    answer = client.get("/lesions?patient=a%20b&next=//evil.example/")
    assert (answer.status_code, answer.headers["location"]) == (307, "lesions/?patient=a%20b&next=//evil.example/")
