"""OHIF's files, as MONAI Label ships them, and what a browser asks for first."""

from pathlib import Path

import monailabel.endpoints
from fastapi import APIRouter
from fastapi.responses import FileResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from lesion_tracker.server import addresses

STATIC = Path(monailabel.endpoints.__file__).parent / "static"
BUNDLE = STATIC / "ohif"


def viewer_files() -> StaticFiles:
    """Return what serves the files under their own names."""
    return StaticFiles(directory=STATIC)


def viewer_routes() -> APIRouter:
    """Return the routes of OHIF's page, which is the same at each of its addresses, and of the first page."""
    router = APIRouter(tags=["Others"], include_in_schema=False)
    files = {path.name: path for path in BUNDLE.iterdir() if path.is_file()}

    @router.get(addresses.OHIF)
    def viewer(path: str) -> FileResponse:
        return FileResponse(files.get(path, BUNDLE / "index.html"))

    @router.get(addresses.FIRST)
    def first() -> Response:
        return RedirectResponse(addresses.LESIONS.removeprefix("/"), 307)

    @router.get(addresses.FAVICON)
    def favicon() -> FileResponse:
        return FileResponse(STATIC / "favicon.ico")

    return router
