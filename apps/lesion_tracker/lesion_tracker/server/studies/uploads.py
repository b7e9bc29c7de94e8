"""Uploads: a file becomes a study once it is known to be a CT volume, under a name that no other volume has."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Request, UploadFile
from monailabel.interfaces.datastore import Datastore
from starlette.datastructures import UploadFile as ReceivedFile

from lesion_tracker.errors import Changed, InputError
from lesion_tracker.server import addresses
from lesion_tracker.server.engine import Engine
from lesion_tracker.server.params import parse_params
from lesion_tracker.server.request_pool import RequestPool
from lesion_tracker.server.who import signed
from lesion_tracker.studies.catalog import Catalog
from lesion_tracker.studies.timeline import study_of
from lesion_tracker.volumes.fingerprint import same_scan

FILE_NAME = re.compile(r"""[^/\\:*?"<>|\x00-\x1f]+""")
LONGEST_NAME_BYTES = 180
ENDINGS = (".nii.gz", ".nii", ".nrrd", ".mha")
"""Formats that hold a volume in one file."""


class Uploads:
    """Takes studies into a datastore, and what clients say of them.

    Args:
        catalog: the studies.
        datastore: MONAI Label's, which keeps them.
        engine: reads them.
    """

    def __init__(self, catalog: Catalog, datastore: Datastore, engine: Engine) -> None:
        self._catalog, self._datastore, self._engine = catalog, datastore, engine

    def add(self, image_id: str, path: Path, info: dict[str, Any]) -> str:
        """Take a volume into the datastore; the same volume once more changes nothing but what is said of it.

        Args:
            image_id: what the client calls it.
            path: the received file.
            info: the upload's params; patient and date are kept with the study.

        Raises:
            InputError: if it is no usable CT volume, its name could not be a file's, or its params are wrong.
            Changed: if another volume has this id already.
        """
        _require_file_name(image_id)
        volume = self._engine.read(path)
        study_of(path, upload=info)
        if image_id not in self._datastore.list_images():
            return str(self._datastore.add_image(image_id, str(path), info))
        if not same_scan(self._engine.volume(self._catalog.study(image_id)), volume):
            raise Changed(
                f"another volume is called {image_id!r} already, and its marks must not come to this one: rename it"
            )
        self._datastore.update_image_info(image_id, info)
        return image_id

    def describe(self, image_id: str, info: Mapping[str, Any]) -> None:
        """Keep what a client says of a study; patient and date that cannot be are refused before.

        Raises:
            InputError: if its patient or date could not be read afterwards.
            NotFound: for an unknown study.
        """
        study = self._catalog.study(image_id)
        study_of(study.path, upload=info)
        self._datastore.update_image_info(image_id, dict(info))


def upload_routes(uploads: Uploads, pool: RequestPool) -> APIRouter:
    """Return the routes of uploads.

    Args:
        uploads: takes them.
        pool: where they are read.
    """
    router = APIRouter(tags=["Datastore"])

    @router.put(addresses.DATASTORE)
    @router.put(addresses.IMAGE)
    async def upload(
        asked: Request,
        file: Annotated[UploadFile, File()],
        image: str | None = None,
        params: Annotated[str, Form()] = "{}",
    ) -> Any:
        info = parse_params(params)
        if signed():
            info["user"] = signed()
        return await pool.run(lambda: {"image": _add(uploads, image, file, info)}, asked)

    @router.put(addresses.IMAGE_INFO)
    async def describe(asked: Request, image: str, info: Annotated[str, Form()] = "{}") -> Any:
        said = parse_params(info, field="info")
        return await pool.run(lambda: uploads.describe(image, said), asked)

    return router


@contextmanager
def received(file: ReceivedFile) -> Iterator[Path]:
    """Copy what a client sent to a temporary file of the same format, removed afterwards.

    Raises:
        InputError: if its name does not end as an image file's.
    """
    given = Path((file.filename or "image.nii.gz").replace("\\", "/")).name
    ending = next((known for known in ENDINGS if given.lower().endswith(known)), None)
    if ending is None:
        raise InputError(f"{given!r} is no image file that can be taken; possible: {', '.join(ENDINGS)}")
    handle, name = tempfile.mkstemp(prefix="received_", suffix=ending)
    try:
        with os.fdopen(handle, "wb") as target:
            shutil.copyfileobj(file.file, target)
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _add(uploads: Uploads, image: str | None, file: ReceivedFile, info: dict[str, Any]) -> str:
    with received(file) as path:
        return uploads.add(image or Path(file.filename or "").name.removesuffix("".join(path.suffixes)), path, info)


def _require_file_name(name: str) -> None:
    """Refuse a study's name that could not be the name of a file, or would not be read back from it."""
    # marks of direction, and spaces at its ends, make one name look like another
    seen = FILE_NAME.fullmatch(name) and name.isprintable() and name == name.strip()
    if not seen or name.startswith(".") or len(name.encode()) > LONGEST_NAME_BYTES:
        raise InputError(
            f"a study cannot be called {name!r}: it becomes a file name of at most {LONGEST_NAME_BYTES} bytes, in which "
            '/ \\ : * ? " < > | and what cannot be seen are not possible, and which begins with no dot; rename the volume'
        )
    if any(ending in name.lower() for ending in ENDINGS):
        raise InputError(f"a study cannot be called {name!r}: the file's ending is not part of it; rename the volume")
