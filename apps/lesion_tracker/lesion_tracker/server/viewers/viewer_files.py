"""OHIF's files, as MONAI Label ships them, and what a browser asks for first."""

from pathlib import Path

import monailabel.endpoints
from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from lesion_tracker.server import addresses
from lesion_tracker.server.review.refused_pages import refusal_page

STATIC = Path(monailabel.endpoints.__file__).parent / "static"
BUNDLE = STATIC / "ohif"
NO_PACS = (
    "OHIF shows studies of a PACS only, and this server serves a folder. Its patients are below, and 3D Slicer opens them; for "
    "OHIF serve a PACS: make serve STUDIES=http://127.0.0.1:8042/dicom-web"
)


def viewer_files() -> StaticFiles:
    """Return what serves the files under their own names."""
    return StaticFiles(directory=STATIC)


def viewer_routes(*, on_pacs: bool) -> APIRouter:
    """Return the routes of OHIF's page, which is the same at each of its addresses, and of the first page.

    Args:
        on_pacs: there is a PACS that OHIF can show; where there is none, its page says so.
    """
    router = APIRouter(tags=["Others"], include_in_schema=False)
    files = {path.name: path for path in BUNDLE.iterdir() if path.is_file()}

    @router.get(addresses.OHIF)
    def viewer(path: str, request: Request) -> Response:
        if on_pacs:
            return FileResponse(files.get(path, BUNDLE / "index.html"))
        return refusal_page(NO_PACS, "OHIF", request.scope)

    @router.get(addresses.FIRST)
    def first() -> Response:
        return RedirectResponse(addresses.LESIONS.removeprefix("/"), 307)

    @router.get(addresses.FAVICON)
    def favicon() -> FileResponse:
        return FileResponse(STATIC / "favicon.ico")

    return router
