"""The route of the tasks: computed in a pool, on a study of the datastore or on a volume that a client sends along."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Protocol, runtime_checkable

from fastapi import APIRouter, BackgroundTasks, File, Form, UploadFile
from fastapi.responses import Response
from monailabel.endpoints.infer import ResultType, send_response
from monailabel.endpoints.user.auth import User

from lesion_tracker.errors import InputError
from lesion_tracker.server import addresses
from lesion_tracker.server.access.roles import READER, known_user
from lesion_tracker.server.params import parse_params
from lesion_tracker.server.request_pool import RequestPool
from lesion_tracker.server.studies.uploads import received

RESERVED = ("image", "model", "session", "session_id", "output", "user", "file", "uploaded_image")
"""What the address of a request says; its params cannot say otherwise."""


@runtime_checkable
class Tasks(Protocol):
    """What runs the tasks: MONAI Label's app."""

    def infer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the answer of a task."""

    def datastore(self) -> Any:
        """Return MONAI Label's datastore."""


def infer_routes(
    tasks: Tasks, pool: RequestPool, session_image: Callable[[str], Path], study_of_copy: Callable[[Path], str]
) -> APIRouter:
    """Return the route of the tasks.

    Args:
        tasks: runs them.
        pool: where requests are computed.
        session_image: the volume of a session, by its id.
        study_of_copy: id of the study that a volume is a copy of.
    """
    router = APIRouter(tags=["Infer"])

    def image_of(request: Mapping[str, Any], session_id: str, file: UploadFile | None) -> str:
        if session_id:
            return study_of_copy(session_image(session_id))
        if file is not None:
            with received(file) as path:
                return study_of_copy(path)
        if not request["image"]:
            raise InputError("the request names no image, no session and carries no file")
        return str(request["image"])

    @router.post(addresses.INFER)
    async def infer(
        background_tasks: BackgroundTasks,
        model: str,
        image: str = "",
        session_id: str = "",
        params: Annotated[str, Form()] = "{}",
        file: Annotated[UploadFile | None, File()] = None,
        label: Annotated[UploadFile | None, File()] = None,  # of no use here
        output: ResultType | None = None,
        user: User = READER,
    ) -> Any:
        form = output.value if output else None
        request = parse_params(params, RESERVED)
        request |= {"model": model, "image": image, "output": form, "user": known_user(user)}

        def compute() -> Response:
            result = tasks.infer({**request, "image": image_of(request, session_id, file)})
            answer = send_response(tasks.datastore(), result, output, background_tasks)
            # MONAI Label answers a missing file with bare params; they become JSON here, outside the event loop.
            return answer if isinstance(answer, Response) else Response(_json(answer), media_type="application/json")

        return await pool.run(compute)

    return router


def _json(value: Any) -> str:
    return json.dumps(value, allow_nan=False)
