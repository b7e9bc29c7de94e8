"""Own HTTP routes, put before MONAI Label's: infer in a pool, uploads that are checked."""

import json
import math
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, File, Form, UploadFile
from fastapi.responses import Response
from monailabel.config import settings as monailabel_settings
from monailabel.endpoints.infer import ResultType, send_response
from monailabel.endpoints.user.auth import RBAC, User

from lesion_tracker.errors import InputError
from lesion_tracker.server.access.accounts import current_reader
from lesion_tracker.server.request_pool import RequestPool

RESERVED = ("image", "model", "session", "session_id", "output", "user", "file", "uploaded_image")
"""What the address of a request says; its params cannot say otherwise."""

FILE_NAME = re.compile(r"""[^/\\:*?"<>|\x00-\x1f]+""")
LONGEST_NAME_BYTES = 180
MOST_DIGITS = 20
"""Of a whole number; longer ones are no voxel index and no id."""

ENDINGS = (".nii.gz", ".nii", ".nrrd", ".mha")
"""Formats that hold a volume in one file."""


def own_routes(app: Any, pool: RequestPool) -> APIRouter:
    """Return the routes that go before MONAI Label's.

    Args:
        app: the LesionTrackerApp.
        pool: where requests are computed.
    """
    router = APIRouter(prefix=monailabel_settings.MONAI_LABEL_API_STR)
    reader = Depends(RBAC(monailabel_settings.MONAI_LABEL_AUTH_ROLE_USER))
    annotator = Depends(RBAC(monailabel_settings.MONAI_LABEL_AUTH_ROLE_ANNOTATOR))

    @router.post("/infer/{model}")
    async def infer(
        background_tasks: BackgroundTasks,
        model: str,
        image: str = "",
        session_id: str = "",
        params: Annotated[str, Form()] = "{}",
        file: Annotated[UploadFile | None, File()] = None,
        label: Annotated[UploadFile | None, File()] = None,
        output: ResultType | None = None,
        user: User = reader,
    ) -> Any:
        request = parse_params(params)
        form = output.value if output else None
        request |= {"model": model, "image": image, "output": form, "user": known_user(user)}
        return await pool.run(
            lambda: _infer(app, request, session_id, file, output, background_tasks)  # label: of no use here
        )

    @router.put("/datastore/")
    @router.put("/datastore/image")
    async def upload(
        file: Annotated[UploadFile, File()],
        image: str | None = None,
        params: Annotated[str, Form()] = "{}",
        user: User = annotator,
    ) -> Any:
        info = parse_params(params, reserved=())
        if known_user(user):
            info["user"] = known_user(user)
        return await pool.run(lambda: {"image": _upload(app, image, info, file)})

    @router.put("/datastore/image/info")
    async def describe(image: str, info: Annotated[str, Form()] = "{}", user: User = annotator) -> Any:
        said = parse_params(info, reserved=(), field="info")
        return await pool.run(lambda: app.describe_study(image, said))

    return router


def put_first(application: FastAPI, router: APIRouter) -> None:
    """Put routes before all that the application has."""
    known = list(application.router.routes)
    application.include_router(router)
    new = [route for route in application.router.routes if not any(route is other for other in known)]
    application.router.routes[:] = new + known


def parse_params(params: str, reserved: tuple[str, ...] = RESERVED, field: str = "params") -> dict[str, Any]:
    """Return the params of a request.

    Args:
        params: as they were sent.
        reserved: keys that they must not have.
        field: what the request calls them.

    Raises:
        InputError: for what is no JSON object, for NaN, infinity and numbers or texts that nothing can be computed from,
            and for keys that the address of the request sets.
    """
    try:
        read = json.loads(
            params or "{}", parse_constant=_refuse_constant, parse_int=_bounded_int, parse_float=_finite_float
        )
        json.dumps(read, ensure_ascii=False).encode()  # half a surrogate pair is no text, and could not be shown again
    except (ValueError, RecursionError) as error:
        raise InputError(f"{field} must be a JSON object: {error}; got {params[:200]!r}") from None
    if not isinstance(read, dict):
        raise InputError(f"{field} must be a JSON object, got {params[:200]!r}")
    taken = sorted(set(read) & set(reserved))
    if taken:
        raise InputError(f"{field} must not carry {', '.join(taken)}: the address of the request says it")
    return read


def known_user(user: User) -> str:
    """Return the name of a user who logged in, "" on a server without log-in."""
    if current_reader.get():
        return current_reader.get()
    return str(user.username) if monailabel_settings.MONAI_LABEL_AUTH_ENABLE else ""


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def _bounded_int(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise ValueError(f"{text[:MOST_DIGITS]}… is too large a number")
    return int(text)


def _finite_float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:MOST_DIGITS]} is too large a number")
    return number


def _infer(
    app: Any, request: dict[str, Any], session_id: str, file: UploadFile | None, output: Any, tasks: BackgroundTasks
) -> Any:
    if not (request["image"] or session_id or file):
        raise InputError("the request names no image, no session and carries no file")
    if session_id:
        result = app.infer(request | {"uploaded_image": app.session_image(session_id)})
    elif file:
        with _received(file) as path:
            result = app.infer(request | {"uploaded_image": path})
    else:
        result = app.infer(request)
    answer = send_response(app.datastore(), result, output, tasks)
    # MONAI Label answers a missing file with bare params; they become JSON here, outside the event loop.
    return answer if isinstance(answer, Response) else Response(_json(answer), media_type="application/json")


def _upload(app: Any, image: str | None, info: dict[str, Any], file: UploadFile) -> str:
    with _received(file) as path:
        name = image if image else Path(file.filename or "").name.removesuffix("".join(path.suffixes))
        _require_file_name(name)
        return str(app.add_study(name, path, info))


def _require_file_name(name: str) -> None:
    """Refuse a study's name that could not be the name of a file, or would not be read back from it."""
    if not FILE_NAME.fullmatch(name) or name in (".", "..") or len(name.encode()) > LONGEST_NAME_BYTES:
        raise InputError(
            f"a study cannot be called {name!r}: it becomes a file name of at most {LONGEST_NAME_BYTES} bytes, in which "
            '/ \\ : * ? " < > | are not possible; rename the volume'
        )
    if any(ending in name.lower() for ending in ENDINGS):
        raise InputError(f"a study cannot be called {name!r}: the file's ending is not part of it; rename the volume")


@contextmanager
def _received(file: UploadFile) -> Iterator[Path]:
    """Copy what a client sent to a temporary file of the same format, removed afterwards."""
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


def _json(value: Any) -> str:
    return json.dumps(value, allow_nan=False)
