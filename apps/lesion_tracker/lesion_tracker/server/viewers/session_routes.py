"""Sessions: a volume that a client sends along is kept whole or not at all, for who sent it; nothing is unpacked."""

import re
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, HTTPException, Request, UploadFile
from starlette.datastructures import UploadFile as ReceivedFile

from lesion_tracker.errors import InputError, NoRoom, NotFound
from lesion_tracker.server import addresses
from lesion_tracker.server.request_pool import RequestPool
from lesion_tracker.server.studies.uploads import LONGEST_NAME_BYTES
from lesion_tracker.server.who import signed

SESSION_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MIB = 1024 * 1024
MOST_FILES = 5000
TAKEN = (".", "..", "meta.info")
"""Names that are folders, or MONAI Label's own note on a session."""


def session_routes(sessions: Callable[[], Any], pool: RequestPool, most_bytes: int) -> APIRouter:
    """Return the routes of sessions.

    Args:
        sessions: returns MONAI Label's sessions, or None on a server without them.
        pool: where a volume is received.
        most_bytes: so much is kept for one reader; more is refused.
    """
    router = APIRouter(tags=["Session"])

    @router.put(addresses.SESSIONS)
    async def create(
        asked: Request,
        files: Annotated[list[UploadFile], File(max_length=MOST_FILES)],
        uncompress: bool = False,
        expiry: int = 0,
    ) -> Any:
        if uncompress:
            raise InputError("archives are not unpacked here: send the volume itself, or its files")
        return await pool.run(lambda: _create(_there(sessions()), files, expiry, most_bytes), asked)

    @router.get(addresses.SESSION)
    def get(session_id: str, update_ts: bool = False) -> Any:
        return _session(sessions(), session_id, update_ts).to_json()

    @router.delete(addresses.SESSION)
    def remove(session_id: str) -> Any:
        known = _session(sessions(), session_id)
        sessions().remove_session(session_id)
        return known.to_json()

    return router


def session_image(sessions: Any, session_id: str) -> Path:
    """Return the volume that a client sent for a session.

    Raises:
        NotFound: for an unknown or expired session.
        HTTPException: 406 on a server without sessions.
    """
    return Path(_session(sessions, session_id).image)


def remove_expired(sessions: Any) -> int:
    """Remove the volumes whose time is over, also those of a server that ran before; return how many.

    MONAI Label's own cleaning ends for ever at a folder without a note, which a kill leaves behind.
    """
    removed = 0
    root, now = Path(sessions.store_path), time.time()
    for folder in [one for one in root.iterdir() if SESSION_ID.fullmatch(one.name)] if root.is_dir() else []:
        until = now
        with suppress(OSError, ValueError, AttributeError, TypeError):  # a damaged note, or one that is being written
            until = folder.stat().st_mtime + sessions.expiry
            known = sessions.get_session(folder.name, update_ts=False, fetch_cache=False)
            until = known.last_access_ts + known.expiry if known else until
        if until < now:
            sessions.remove_session(folder.name)
            removed += 1
    return removed


def _session(sessions: Any, session_id: str, update: bool = True) -> Any:
    """Return MONAI Label's note on a session of who asks; other people's are not told apart from expired ones."""
    known = _there(sessions).get_session(session_id, update) if SESSION_ID.fullmatch(session_id) else None
    if known is None or known.meta.get("reader", "") != signed():
        raise NotFound(f"no session {session_id!r}: it has expired; load the volume again")
    return known


def _there(sessions: Any) -> Any:
    if sessions is None:
        raise HTTPException(406, detail="this server keeps no sessions: upload the volume, or use Next Sample")
    return sessions


def _create(sessions: Any, files: Sequence[ReceivedFile], expiry: int, most_bytes: int) -> dict[str, Any]:
    """Keep what a client sent as a session of MONAI Label's; what does not fit leaves nothing."""
    session_id = str(uuid.uuid4())
    held, sent_bytes = _held_bytes(sessions, signed()), sum(file.size or 0 for file in files)
    if held + sent_bytes > most_bytes:
        raise NoRoom(
            f"{held / MIB:.0f} MiB that you sent along are kept already; with {sent_bytes / MIB:.0f} more it would exceed "
            f"the {most_bytes / MIB:.0f} MiB for one reader (sessions_mb): each goes {sessions.expiry // 60} minutes after its "
            "last use"
        )
    with tempfile.TemporaryDirectory(prefix="session_", ignore_cleanup_errors=True) as folder:
        sent = [_received(file, Path(folder)) for file in files]
        image = sent[0] if len(sent) == 1 else Path(folder)
        try:
            _, info = sessions.add_session(str(image), min(max(expiry, 0), sessions.expiry), session_id=session_id)
            info.meta["reader"] = signed()
            sessions.get_session(session_id)  # writes the note again, with its reader
        except OSError:
            shutil.rmtree(Path(sessions.store_path) / session_id, ignore_errors=True)
            raise
        return {"session_id": session_id, "session_info": info.to_json()}


def _held_bytes(sessions: Any, reader: str) -> int:
    """Return how much is kept of what a reader sent along."""
    root, held = Path(sessions.store_path), 0
    for folder in [one for one in root.iterdir() if SESSION_ID.fullmatch(one.name)] if root.is_dir() else []:
        with suppress(OSError, ValueError, AttributeError, TypeError):  # a damaged note, or one that goes meanwhile
            known = sessions.get_session(folder.name, update_ts=False, fetch_cache=False)
            if known is not None and known.meta.get("reader", "") == reader:
                held += sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return held


def _received(file: ReceivedFile, folder: Path) -> Path:
    name = Path((file.filename or "").replace("\\", "/")).name
    if not name.isprintable() or not 0 < len(name.encode()) <= LONGEST_NAME_BYTES or name in TAKEN:
        raise InputError(
            f"a volume that is sent along needs a file name, whose ending says what it is; got {name[:60]!r}"
        )
    with (folder / name).open("wb") as target:
        shutil.copyfileobj(file.file, target)
    return folder / name
