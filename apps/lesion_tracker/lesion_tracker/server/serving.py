"""This server's routes, errors and guard, put round MONAI Label's application."""

from collections.abc import Sequence

from fastapi import APIRouter, FastAPI

from lesion_tracker.server.access.accounts import AccountsFile
from lesion_tracker.server.access.guard import Guard
from lesion_tracker.server.errors import answer_errors


def serve(
    application: FastAPI, routers: Sequence[APIRouter], accounts: AccountsFile | None, origins: frozenset[str]
) -> None:
    """Let an application that has started, but was asked nothing yet, answer as this server.

    Args:
        application: MONAI Label's.
        routers: whose routes go before all that it has.
        accounts: None: nobody has to log in.
        origins: pages of other origins that may use the server.
    """
    known = list(application.router.routes)
    for router in routers:
        application.include_router(router)
    application.router.routes[:] = application.router.routes[len(known) :] + known
    answer_errors(application)
    # Middleware and handlers cannot be added to an application that has started; its stack can be built again.
    application.middleware_stack = Guard(application.build_middleware_stack(), accounts, origins)
