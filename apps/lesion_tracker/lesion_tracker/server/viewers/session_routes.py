"""Sessions: a volume that a client sends along is kept whole or not at all, outside the event loop."""

import re
import shutil
import tempfile
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, HTTPException, UploadFile
from monailabel.endpoints.user.auth import User
from starlette.datastructures import UploadFile as ReceivedFile

from lesion_tracker.errors import InputError, NotFound
from lesion_tracker.server import addresses
from lesion_tracker.server.access.roles import READER
from lesion_tracker.server.request_pool import RequestPool
from lesion_tracker.server.studies.uploads import LONGEST_NAME_BYTES

SESSION_ID = re.compile(r"[0-9a-zA-Z-]{8,64}")
TAKEN = (".", "..", "meta.info")
"""Names that are folders, or MONAI Label's own note on a session."""


def session_routes(sessions: Callable[[], Any], pool: RequestPool) -> APIRouter:
    """Return the route that goes before MONAI Label's.

    Args:
        sessions: returns MONAI Label's sessions, or None on a server without them.
        pool: where a volume is received.
    """
    router = APIRouter(tags=["Session"])

    @router.put(addresses.SESSIONS)
    async def create(
        files: Annotated[list[UploadFile], File()], uncompress: bool = False, expiry: int = 0, user: User = READER
    ) -> Any:
        return await pool.run(lambda: _create(_there(sessions()), files, uncompress, expiry))

    return router


def session_image(sessions: Any, session_id: str) -> Path:
    """Return the volume that a client sent for a session.

    Raises:
        NotFound: for an unknown or expired session.
        HTTPException: 406 on a server without sessions.
    """
    session = _there(sessions).get_session(session_id) if SESSION_ID.fullmatch(session_id) else None
    if session is None:
        raise NotFound(f"no session {session_id!r}: it has expired; load the volume again")
    return Path(session.image)


def _there(sessions: Any) -> Any:
    if sessions is None:
        raise HTTPException(406, detail="this server keeps no sessions: upload the volume, or use Next Sample")
    return sessions


def _create(sessions: Any, files: Sequence[ReceivedFile], uncompress: bool, expiry: int) -> dict[str, Any]:
    """Keep what a client sent as a session of MONAI Label's; what does not fit leaves nothing."""
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
