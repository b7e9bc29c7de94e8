"""The route of sessions: a volume that a client sends along is kept whole or not at all, outside the event loop."""

import shutil
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, HTTPException, UploadFile
from monailabel.config import settings as monailabel_settings
from monailabel.endpoints.user.auth import RBAC, User
from starlette.datastructures import UploadFile as ReceivedFile

from lesion_tracker.errors import InputError
from lesion_tracker.server.request_pool import RequestPool
from lesion_tracker.server.viewers.routes import LONGEST_NAME_BYTES

TAKEN = (".", "..", "meta.info")
"""Names that are folders, or MONAI Label's own note on a session."""


def session_routes(app: Any, pool: RequestPool) -> APIRouter:
    """Return the route that goes before MONAI Label's.

    Args:
        app: the LesionTrackerApp.
        pool: where a volume is received.
    """
    router = APIRouter(prefix=monailabel_settings.MONAI_LABEL_API_STR)
    reader = Depends(RBAC(monailabel_settings.MONAI_LABEL_AUTH_ROLE_USER))

    @router.put("/session/")
    async def create(
        files: Annotated[list[UploadFile], File()], uncompress: bool = False, expiry: int = 0, user: User = reader
    ) -> Any:
        return await pool.run(lambda: _create(app.sessions(), files, uncompress, expiry))

    return router


def _create(sessions: Any, files: Sequence[ReceivedFile], uncompress: bool, expiry: int) -> dict[str, Any]:
    """Keep what a client sent as a session of MONAI Label's; what does not fit leaves nothing."""
    if sessions is None:
        raise HTTPException(406, detail="this server keeps no sessions: upload the volume, or use Next Sample")
    session_id = str(uuid.uuid4())
    with tempfile.TemporaryDirectory(prefix="session_", ignore_cleanup_errors=True) as folder:
        sent = [_received(file, Path(folder)) for file in files]
        image = sent[0] if len(sent) == 1 else Path(folder)
        try:
            _, info = sessions.add_session(str(image), expiry, uncompress, session_id)
        except OSError as error:
            shutil.rmtree(Path(sessions.store_path) / session_id, ignore_errors=True)
            if isinstance(error, shutil.ReadError):
                raise InputError(f"{image.name} is no archive that can be unpacked") from None
            raise
        return {"session_id": session_id, "session_info": info.to_json()}


def _received(file: ReceivedFile, folder: Path) -> Path:
    name = Path((file.filename or "").replace("\\", "/")).name
    if not name.isprintable() or not 0 < len(name.encode()) <= LONGEST_NAME_BYTES or name in TAKEN:
        raise InputError(
            f"a volume that is sent along needs a file name, whose ending says what it is; got {name[:60]!r}"
        )
    with (folder / name).open("wb") as target:
        shutil.copyfileobj(file.file, target)
    return folder / name
