"""The route of the tasks: computed in a pool, on a study of the datastore or on a volume that a client sends along."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Protocol, runtime_checkable

from fastapi import APIRouter, BackgroundTasks, File, Form, Request, UploadFile
from fastapi.responses import Response
from monailabel.endpoints.infer import ResultType, send_response
from starlette.datastructures import UploadFile as ReceivedFile

from lesion_tracker.errors import InputError
from lesion_tracker.server import addresses
from lesion_tracker.server.params import parse_params
from lesion_tracker.server.request_keys import DROPPED, RESERVED
from lesion_tracker.server.request_pool import RequestPool
from lesion_tracker.server.studies.uploads import received
from lesion_tracker.server.who import signed


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

    def image_of(request: Mapping[str, Any], session_id: str, file: ReceivedFile | None) -> str:
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
        asked: Request,
        background_tasks: BackgroundTasks,
        model: str,
        image: str = "",
        session_id: str = "",
        params: Annotated[str, Form()] = "{}",
        file: Annotated[UploadFile | None, File()] = None,
        label: Annotated[UploadFile | None, File()] = None,  # of no use here
        output: ResultType | None = None,
    ) -> Any:
        form = output.value if output else None
        request = {key: one for key, one in parse_params(params, RESERVED).items() if key not in DROPPED}
        request |= {"model": model, "image": image, "output": form, "user": signed()}

        def compute() -> Response:
            result = tasks.infer({**request, "image": image_of(request, session_id, file)})
            answer = send_response(tasks.datastore(), result, output, background_tasks)
            # MONAI Label answers a missing file with bare params; they become JSON here, outside the event loop.
            return answer if isinstance(answer, Response) else Response(_json(answer), media_type="application/json")

        return await pool.run(compute, asked)

    return router


def _json(value: Any) -> str:
    return json.dumps(value, allow_nan=False)
