"""Routes for the lesions panel in OHIF: its module, OHIF's configuration with it, and the lesions of an open series."""

from pathlib import Path
from typing import Any

import monailabel.endpoints.ohif
from fastapi import APIRouter, Depends
from fastapi.responses import Response
from monailabel.config import settings as monailabel_settings
from monailabel.endpoints.user.auth import RBAC, User

from lesion_tracker.errors import InputError, NotFound
from lesion_tracker.files.plain_json import plain_json
from lesion_tracker.readers.patient_table import Cell
from lesion_tracker.server.review.review import Review
from lesion_tracker.studies.catalog import Catalog

PANEL = "lesion-panel.js"
BUNDLE = Path(monailabel.endpoints.ohif.__file__).parent / "static" / "ohif"
HEADERS = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}


def ohif_routes(app_dir: Path, catalog: Catalog, review: Review) -> APIRouter:
    """Return the routes that go before MONAI Label's own of OHIF.

    Args:
        app_dir: folder of main.py, with `clients/ohif`.
        catalog: the studies.
        review: the lesions of patients.
    """
    router = APIRouter(prefix=f"{monailabel_settings.MONAI_LABEL_API_STR}/ohif")
    reader = Depends(RBAC(monailabel_settings.MONAI_LABEL_AUTH_ROLE_USER))

    @router.get("/app-config.js", include_in_schema=False)
    def configuration(user: User = reader) -> Response:
        text = _text(BUNDLE / "app-config.js")
        added = f"\nwindow.config.extensions = [...(window.config.extensions || []), '/ohif/{PANEL}'];\n"
        return Response(text + added, media_type="text/javascript", headers=HEADERS)

    @router.get(f"/{PANEL}", include_in_schema=False)
    def panel(user: User = reader) -> Response:
        return Response(_text(app_dir / "clients" / "ohif" / PANEL), media_type="text/javascript", headers=HEADERS)

    @router.get("/lesions")
    def lesions(series: str, user: User = reader) -> dict[str, Any]:
        patient_id = catalog.study(series).patient_id
        if not patient_id:
            raise InputError(f"the PACS does not say whose series {series} is")
        known = review.patient(patient_id)
        studies = [
            {"id": study.id, "study_uid": study.study_uid, "date": study.study_date, "series": study.series}
            for study in known.studies
        ]
        rows = [
            {"id": row.lesion_id, "label": row.label, "cells": {name: _cell(cell) for name, cell in row.cells.items()}}
            for row in known.rows
        ]
        return {"patient": patient_id, "order_note": known.order_note, "studies": studies, "rows": rows}

    return router


def _cell(cell: Cell) -> dict[str, Any]:
    """Return a point as the panel shows it; `track` is what its buttons send back to say what the reader saw."""
    track = cell.track
    return dict(
        plain_json(
            {
                "center_mm": cell.center_mm,
                "words": cell.words,
                "color": cell.color,
                "is_open": cell.is_open,
                "confidence": track.confidence if track is not None and cell.is_open else None,
                "track": track.created_at if track is not None else "",
            }
        )
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        raise NotFound(f"{path.name} is not installed") from None
