"""Routes that may have to read a whole study before they answer: they wait in a thread, not in the server's event loop."""

from pathlib import Path
from typing import Any

from fastapi import APIRouter, Body
from fastapi.responses import FileResponse
from monailabel.endpoints.activelearning import sample
from monailabel.endpoints.datastore import download_image
from monailabel.endpoints.user.auth import User
from monailabel.interfaces.datastore import Datastore

from lesion_tracker.server import addresses
from lesion_tracker.server.access.roles import READER
from lesion_tracker.studies.catalog import unknown_study
from lesion_tracker.volumes.image_file import suffix_of


def image_routes(datastore: Datastore) -> APIRouter:
    """Return the routes that go before MONAI Label's: a study's file, whether there is one, and what to open next.

    Args:
        datastore: MONAI Label's view of the studies; it makes a NIfTI file of a DICOM series when it is asked for.
    """
    router = APIRouter(tags=["Datastore"])

    @router.get(addresses.IMAGE)
    def image(image: str, user: User = READER) -> Any:
        path = Path(datastore.get_image_uri(image))
        if not path.is_file():
            raise unknown_study(image)
        ending = suffix_of(path)
        kind = "application/gzip" if ending.lower().endswith(".gz") else "application/octet-stream"
        return FileResponse(path, media_type=kind, filename=f"{image}{ending}")

    @router.head(addresses.IMAGE)
    def has_image(image: str, check_sum: str | None = None, user: User = READER) -> Any:
        return download_image(image, check_only=True, check_sum=check_sum)

    @router.post(addresses.NEXT_SAMPLE)
    def next_sample(strategy: str, params: dict[str, Any] | None = Body(None), user: User = READER) -> Any:  # noqa: B008
        return sample(strategy, params, user.username)

    return router
