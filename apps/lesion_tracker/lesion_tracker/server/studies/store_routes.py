"""The routes of what MONAI Label's clients call the datastore: its list, studies, labels, and the next study."""

import hashlib
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Body, File, Form, Request, UploadFile
from fastapi.responses import FileResponse
from monailabel.interfaces.datastore import Datastore, DefaultLabelTag

from lesion_tracker.errors import InputError, NotFound
from lesion_tracker.server import addresses
from lesion_tracker.server.params import parse_params
from lesion_tracker.server.request_pool import RequestPool
from lesion_tracker.server.studies.uploads import received
from lesion_tracker.studies.catalog import unknown_study
from lesion_tracker.volumes.image_file import suffix_of


class Listed(StrEnum):
    """What is asked of the datastore."""

    stats = "stats"
    all = "all"


def store_routes(
    datastore: Datastore,
    info: Callable[[], Any],
    next_sample: Callable[[dict[str, Any]], Mapping[str, Any]],
    pool: RequestPool,
) -> APIRouter:
    """Return the routes; each waits for a folder or a PACS in a thread, not in the server's event loop.

    Args:
        datastore: MONAI Label's view of the studies.
        info: returns what the clients ask first.
        next_sample: returns the next study of a strategy.
        pool: where a label is read.
    """
    router = APIRouter(tags=["Datastore"])
    _add_lists(router, datastore, info, next_sample)
    _add_images(router, datastore)
    _add_labels(router, datastore, pool)
    return router


def _add_lists(
    router: APIRouter,
    datastore: Datastore,
    info: Callable[[], Any],
    next_sample: Callable[[dict[str, Any]], Mapping[str, Any]],
) -> None:
    @router.get(addresses.INFO)
    def app_info() -> Any:
        return info()

    @router.get(addresses.DATASTORE)
    def listed(output: Listed = Listed.stats) -> Any:
        return datastore.json() if output is Listed.all else datastore.status()

    @router.post(addresses.NEXT_SAMPLE)
    def sample(strategy: str, params: Annotated[dict[str, Any] | None, Body()] = None) -> Any:
        found = next_sample({"strategy": strategy})
        return {**datastore.get_image_info(found["id"]), **found} if found else {}


def _add_images(router: APIRouter, datastore: Datastore) -> None:
    @router.get(addresses.IMAGE)
    def image(image: str) -> FileResponse:
        path = _image_file(datastore, image)
        return _download(path, f"{image}{suffix_of(path)}")

    @router.head(addresses.IMAGE)
    def has_image(image: str, check_sum: str = "") -> None:
        with _image_file(datastore, image).open("rb") as file:
            kind, _, wanted = check_sum.rpartition(":")
            if kind not in ("", "SHA256"):
                raise InputError(f"check_sum is SHA256:…, not {kind[:20]!r}")
            if wanted and hashlib.file_digest(file, "sha256").hexdigest() != wanted.lower():
                raise NotFound(f"study {image!r} is another file")

    @router.delete(addresses.IMAGE)
    def remove(id: str) -> dict[str, Any]:  # noqa: A002 - the clients' word
        datastore.remove_image(id)
        return {}

    @router.get(addresses.IMAGE_INFO)
    def image_info(image: str) -> Any:
        if image not in datastore.list_images():
            raise unknown_study(image)
        return datastore.get_image_info(image)


def _add_labels(router: APIRouter, datastore: Datastore, pool: RequestPool) -> None:
    @router.get(addresses.LABEL)
    def label(label: str, tag: DefaultLabelTag) -> FileResponse:
        file = datastore.get_label_uri(label, tag.value)
        if not file or not Path(file).is_file():
            raise NotFound(f"study {label!r} has no label file {tag.value!r}")
        return _download(Path(file), Path(file).name)

    @router.put(addresses.LABEL)
    async def submit(
        asked: Request,
        image: str,
        label: Annotated[UploadFile, File()],
        tag: DefaultLabelTag = DefaultLabelTag.FINAL,
        params: Annotated[str, Form()] = "{}",
    ) -> Any:
        said = parse_params(params)

        def keep() -> dict[str, str]:
            with received(label) as path:
                return {"image": image, "label": datastore.save_label(image, str(path), tag.value, said)}

        return await pool.run(keep, asked)


def _image_file(datastore: Datastore, image_id: str) -> Path:
    file = datastore.get_image_uri(image_id)
    if not file or not Path(file).is_file():
        raise unknown_study(image_id)
    return Path(file)


def _download(path: Path, name: str) -> FileResponse:
    kind = "application/gzip" if name.lower().endswith(".gz") else "application/octet-stream"
    return FileResponse(path, media_type=kind, filename=name)
