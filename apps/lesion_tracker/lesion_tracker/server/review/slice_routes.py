"""The routes of the large view: blocks of voxels, pieces of point maps, and a new lesion."""

from dataclasses import asdict
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from lesion_tracker.server import addresses
from lesion_tracker.server.engine import Engine
from lesion_tracker.server.review.blocks import block, map_piece
from lesion_tracker.server.review.requests import MarkNew
from lesion_tracker.server.review.review import Review
from lesion_tracker.server.review.shared_routes import Mm, require_json
from lesion_tracker.server.who import signed
from lesion_tracker.studies.catalog import Catalog

Width = Annotated[float, Query(ge=20.0, le=400.0)]


def slice_routes(review: Review, catalog: Catalog, engine: Engine) -> APIRouter:
    """Return the routes.

    Args:
        review: keeps a new lesion.
        catalog: the studies.
        engine: reads and registers them.
    """
    router = APIRouter(tags=["Lesions"])

    @router.get(addresses.BLOCK)
    def voxels(
        study: str,
        x: Mm,
        y: Mm,
        z: Mm,
        width: Width = 120.0,
        radius: Annotated[float, Query(ge=0.5, le=200.0)] = 5.0,
    ) -> Response:
        data, facts = block(engine.volume(catalog.study(study)), np.array([x, y, z]), width, radius)
        return Response(data, media_type="application/octet-stream", headers=facts)

    @router.get(addresses.POINT_MAP)
    def point_map(
        baseline: str,
        followup: str,
        x: Mm,
        y: Mm,
        z: Mm,
        width: Width = 160.0,
        compute: bool = False,
    ) -> dict[str, Any]:
        near = np.array([x, y, z])
        found = engine.point_map(catalog.study(baseline), catalog.study(followup), near, compute=compute)
        return {"kept": False} if found is None else {"kept": True, **map_piece(found, near, width)}

    @router.post(addresses.MARK, dependencies=[Depends(require_json)])
    def mark(body: MarkNew) -> dict[str, Any]:
        lesion, done = review.mark(body, signed(body.reader))
        return {**asdict(done), "lesion": lesion.id}

    return router
