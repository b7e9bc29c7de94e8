"""Routes for the lesions panel in OHIF: its module, OHIF's configuration with it, and the lesions of an open series."""

import json
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from lesion_tracker.errors import InputError, NotFound
from lesion_tracker.files.plain_json import plain_json
from lesion_tracker.readers.cell import Cell
from lesion_tracker.records.state import states_json
from lesion_tracker.server import addresses
from lesion_tracker.server.review.review import Review
from lesion_tracker.server.viewers.viewer_files import BUNDLE
from lesion_tracker.studies.catalog import Catalog

ASKED = {"lesions": addresses.OHIF_LESIONS, "accept": addresses.ACCEPT, "move": addresses.MOVE}
"""The addresses that the panel asks; it reads them from OHIF's configuration."""

ADDED = f"""
window.config.lesionTracker = {json.dumps({"addresses": ASKED, "states": states_json()})};
window.config.extensions = [...(window.config.extensions || []), {json.dumps(addresses.OHIF_PANEL)}];
"""
HEADERS = {"Cache-Control": "no-cache"}


def ohif_routes(app_dir: Path, catalog: Catalog, review: Review) -> APIRouter:
    """Return the routes that go before MONAI Label's own of OHIF.

    Args:
        app_dir: folder of main.py, with `clients/ohif`.
        catalog: the studies.
        review: the lesions of patients.
    """
    router = APIRouter(tags=["Others"])
    own = app_dir / "clients" / "ohif" / Path(addresses.OHIF_PANEL).name

    @router.get(addresses.OHIF_CONFIG, include_in_schema=False)
    def configuration() -> Response:
        text = _text(BUNDLE / "app-config.js")
        return Response(text + ADDED, media_type="text/javascript", headers=HEADERS)

    @router.get(addresses.OHIF_PANEL, include_in_schema=False)
    def panel() -> Response:
        return Response(_text(own), media_type="text/javascript", headers=HEADERS)

    @router.get(addresses.OHIF_LESIONS)
    def lesions(series: str) -> dict[str, Any]:
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
        note = " ".join([known.order_note, *(note.text for note in known.notes)]).strip()
        return {"patient": patient_id, "order_note": note, "studies": studies, "rows": rows}

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
                "can_accept": cell.can_accept,
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
