"""Routes whose 422 names what is wrong without repeating it: not everything that JSON can say can be sent back as JSON."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class PlainErrorsRoute(APIRoute):
    """A route for `APIRouter(route_class=…)`.

    FastAPI repeats a refused value in its answer, and fails itself where that is infinite or half a surrogate pair.
    """

    def get_route_handler(self) -> Handler:
        """Return the handler of the route."""
        handler: Handler = super().get_route_handler()

        async def plain(request: Request) -> Response:
            try:
                return await handler(request)
            except RequestValidationError as error:
                raise HTTPException(422, detail=[_plain(one) for one in error.errors()]) from None

        return plain


def _plain(error: dict[str, Any]) -> dict[str, Any]:
    """Return place and message of one error, as text that can be encoded."""
    return {"loc": [_text(part) for part in error["loc"]], "msg": _text(error["msg"]), "type": error["type"]}


def _text(part: object) -> str:
    return str(part).encode("utf-8", "backslashreplace").decode()
