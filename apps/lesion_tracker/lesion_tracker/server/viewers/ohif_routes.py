"""Routes for the lesions panel in OHIF: its module, OHIF's configuration with it, and the lesions of an open series."""

import json
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from lesion_tracker.errors import InputError, NotFound
from lesion_tracker.files.plain_json import plain_json
from lesion_tracker.readers.cell_size import growth
from lesion_tracker.readers.patient_table import Row
from lesion_tracker.records.state import states_json
from lesion_tracker.server import addresses
from lesion_tracker.server.review.measuring import KnownSizes, Measuring
from lesion_tracker.server.review.patient_review import PatientReview
from lesion_tracker.server.review.review import Review
from lesion_tracker.server.review.views import changes
from lesion_tracker.server.viewers.viewer_files import BUNDLE
from lesion_tracker.server.who import signed
from lesion_tracker.studies.catalog import Catalog

ASKED = {
    "lesions": addresses.OHIF_LESIONS,
    "changes": addresses.CHANGES,
    "accept": addresses.ACCEPT,
    "move": addresses.MOVE,
    "undo": addresses.UNDO,
    "redo": addresses.REDO,
    "fate": addresses.FATE,
    "track": addresses.TRACK,
    "progress": addresses.PROGRESS,
}
"""The addresses that the panel asks; it reads them from OHIF's configuration."""

ADDED = f"""
window.config.lesionTracker = {json.dumps({"addresses": ASKED, "states": states_json()})};
window.config.extensions = [...(window.config.extensions || []), {json.dumps(addresses.OHIF_PANEL)}];
"""
HEADERS = {"Cache-Control": "no-cache"}


def ohif_routes(app_dir: Path, catalog: Catalog, review: Review, measuring: Measuring) -> APIRouter:
    """Return the routes that go before MONAI Label's own of OHIF.

    Args:
        app_dir: folder of main.py, with `clients/ohif`.
        catalog: the studies.
        review: the lesions of patients.
        measuring: knows the sizes of lesions.
    """
    router = APIRouter(tags=["Others"])
    own = app_dir / "clients" / "ohif"

    @router.get(addresses.OHIF_CONFIG, include_in_schema=False)
    def configuration() -> Response:
        text = _text(BUNDLE / "app-config.js")
        return Response(text + ADDED, media_type="text/javascript", headers=HEADERS)

    @router.get(addresses.OHIF_PANEL, include_in_schema=False)
    def panel() -> Response:
        return Response(_text(own / Path(addresses.OHIF_PANEL).name), media_type="text/javascript", headers=HEADERS)

    @router.get(addresses.OHIF_SCREEN, include_in_schema=False)
    def screen() -> Response:
        return Response(_text(own / Path(addresses.OHIF_SCREEN).name), media_type="text/javascript", headers=HEADERS)

    @router.get(addresses.OHIF_LESIONS)
    def lesions(series: str) -> dict[str, Any]:
        patient_id = catalog.study(series).patient_id
        if not patient_id:
            raise InputError(f"the PACS does not say whose series {series} is")
        known, measured = review.patient(patient_id), measuring.known(patient_id)
        studies = [
            {"id": study.id, "study_uid": study.study_uid, "date": study.study_date, "series": study.series}
            for study in known.studies
        ]
        rows = [
            {
                "id": row.lesion_id,
                "label": row.label,
                "cells": {name: _cell(known, measured, row, name) for name in row.cells},
            }
            for row in known.rows
        ]
        note = " ".join([known.order_note, *(note.text for note in known.notes)]).strip()
        version = changes(known, measured)
        return {
            "patient": patient_id,
            "login": signed(),
            "version": version,
            "order_note": note,
            "studies": studies,
            "rows": rows,
        }

    return router


def _cell(known: PatientReview, measured: KnownSizes, row: Row, study_id: str) -> dict[str, Any]:
    """Return a point as the panel shows it; `track`, `seen` and `action` are what its buttons answer, and send back.

    `said_at`: when a reader said what became of it, where that is the last that was done there: *Undo* takes it back.
    """
    cell, records = row.cells[study_id], known.records[study_id]
    track, size = cell.track, measured.sizes.get((study_id, row.lesion_id))
    return dict(
        plain_json(
            {
                "center_mm": cell.center_mm,
                "radius_mm": cell.radius_mm,
                "words": cell.words,
                "color": cell.color,
                "is_open": cell.is_open,
                "can_accept": cell.can_accept,
                "can_undo": not cell.is_open,
                "said_at": cell.fate.said_at if cell.fate is not None and cell.fate_is_last else "",
                "confidence": track.confidence if track is not None and cell.is_open else None,
                "size": size.words if size else "",
                "change_mm": growth(row.cells, measured.sizes, study_id) if size else None,
                "check": size.check if size else "",
                "track": track.created_at if track is not None else "",
                "seen": records.seen(row.lesion_id),
                "action": records.action(row.lesion_id),
            }
        )
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        raise NotFound(f"{path.name} is not installed") from None
