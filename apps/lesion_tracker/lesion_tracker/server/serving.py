"""This server's routes, errors and guard, in the application that MONAI Label starts."""

from collections.abc import Sequence

from fastapi import APIRouter, FastAPI

from lesion_tracker.server import addresses
from lesion_tracker.server.access.accounts_file import AccountsFile
from lesion_tracker.server.access.guard import Guard
from lesion_tracker.server.access.slow_heads import end_slow_heads
from lesion_tracker.server.errors import answer_errors
from lesion_tracker.server.review.refused_pages import RefusedPages
from lesion_tracker.server.viewers.viewer_files import viewer_files
from lesion_tracker.volumes.limits import MOST_MB


def serve(
    application: FastAPI,
    routers: Sequence[APIRouter],
    accounts: AccountsFile | None,
    origins: frozenset[str],
    hosts: frozenset[str],
    volume_mb: float = MOST_MB,
) -> None:
    """Let an application that has started, but was asked nothing yet, answer as this server; its own routes go.

    Args:
        application: MONAI Label's.
        routers: whose routes it gets; of two that fit the first one answers.
        accounts: None: nobody has to log in.
        origins: pages of other origins that may use the server.
        hosts: names under which it may be asked.
        volume_mb: MiB of voxels that a request may bring.
    """
    end_slow_heads()
    application.router.routes[:] = []
    application.router.redirect_slashes = False  # what a caller may fill in would be led on to where nothing is
    for router in routers:
        application.include_router(router)
    application.mount(addresses.VIEWER_FILES.rstrip("/"), viewer_files())

    @application.get(addresses.OPENAPI, include_in_schema=False)
    def description() -> dict[str, object]:
        return application.openapi()

    answer_errors(application)
    # Middleware and handlers cannot be added to an application that has started; its stack can be built again.
    guarded = Guard(application.build_middleware_stack(), accounts, origins, hosts, volume_mb)
    application.middleware_stack = RefusedPages(guarded)
