"""The routes of the review page: /lesions/ with its crops, its clicks and its table."""

import json
from dataclasses import asdict, replace
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, Query
from fastapi.responses import HTMLResponse, Response, StreamingResponse

from lesion_tracker.errors import InputError
from lesion_tracker.readers.lesion_graph import lesion_graph
from lesion_tracker.report.crop import COLORS, CropMarks, crop_png, views_of, window_named
from lesion_tracker.report.review_csv import review_csv
from lesion_tracker.server import addresses
from lesion_tracker.server.engine import Engine
from lesion_tracker.server.review.answers import refused, saved_as
from lesion_tracker.server.review.jobs import Job, TrackJobs
from lesion_tracker.server.review.measuring import Measuring
from lesion_tracker.server.review.pages import FILES, HEADERS, page_file
from lesion_tracker.server.review.requests import (
    Accept,
    Close,
    Color,
    MeasureAll,
    Move,
    OnLesion,
    Plane,
    Rename,
    TrackAll,
    Undo,
    WindowName,
)
from lesion_tracker.server.review.review import Review
from lesion_tracker.server.review.shared_routes import Mm, require_json
from lesion_tracker.server.review.slice_routes import slice_routes
from lesion_tracker.server.review.views import Views, changes
from lesion_tracker.server.who import signed
from lesion_tracker.studies.catalog import Catalog


def review_routes(review: Review, jobs: TrackJobs, catalog: Catalog, engine: Engine, measuring: Measuring) -> APIRouter:
    """Return the routes of the review page.

    Args:
        review: reads and changes.
        jobs: tracks all later studies.
        catalog: the studies.
        engine: reads their volumes.
        measuring: measures lesions where they are.
    """
    router = APIRouter(tags=["Lesions"])
    _add_pages(router, review, measuring, Views(review, catalog, measuring))
    _add_crops(router, catalog, engine, measuring)
    _add_answers(router, review)
    _add_lesions(router, review)
    _add_jobs(router, jobs, measuring)
    router.include_router(slice_routes(review, catalog, engine))
    _add_files(router)
    return router


def _add_pages(router: APIRouter, review: Review, measuring: Measuring, views: Views) -> None:
    @router.get(addresses.LESIONS, response_class=HTMLResponse)
    def lesions(patient: str = "", lesion: str = "", study: str = "", against: str = "") -> Response:
        try:
            html = views.html(patient, lesion, study, against, signed())
        except Exception as error:
            return refused(error, "Lesions")
        return StreamingResponse(html, media_type="text/html", headers=HEADERS)

    @router.get(addresses.ROW, response_class=HTMLResponse)
    def row(patient: str, lesion: str) -> Response:
        return HTMLResponse(views.row(patient, lesion), headers=HEADERS)

    @router.get(addresses.CHANGES)
    def changed(patient: str) -> dict[str, str]:
        known = review.patient(patient)
        return {"version": changes(known, measuring.of_rows(known.studies, known.rows))}

    @router.get(addresses.TABLE)
    def table(patient: str) -> Response:
        known = review.patient(patient)
        dates = {study.id: study.study_date for study in known.studies}
        graph = lesion_graph(list(dates), known.records, known.fates)
        traits = {name: one.traits for name, one in graph.lesions.items()}
        text = review_csv(patient, known.rows, dates, measuring.known(patient).sizes, traits)
        named = saved_as("lesions", patient, "csv")
        return Response(text.encode("utf-8-sig"), media_type="text/csv; charset=utf-8", headers=named)


def _add_crops(router: APIRouter, catalog: Catalog, engine: Engine, sizes: Measuring) -> None:
    @router.get(addresses.CROP)
    def crop(
        study: str,
        x: Mm,
        y: Mm,
        z: Mm,
        plane: Plane = "all",
        width: Annotated[float, Query(ge=10.0, le=600.0)] = 90.0,
        pixels: Annotated[int, Query(ge=32, le=1024)] = 150,
        window: WindowName = "auto",
        color: Color = "reader",
        radius: Annotated[float, Query(ge=0.5, le=200.0)] = 5.0,
        other: Annotated[str, Query(max_length=100)] = "",
        lesion: Annotated[str, Query(max_length=256)] = "",
        size: Annotated[str, Query(max_length=32)] = "",
        like: Annotated[str, Query(max_length=256)] = "",
        like_at: Annotated[str, Query(max_length=100)] = "",
    ) -> Response:
        volume = engine.volume(catalog.study(study))
        center = np.array([x, y, z])
        seen, seen_mm = volume, center
        if like and window == "auto":
            seen, seen_mm = engine.volume(catalog.study(like)), _point(like_at)
        views = views_of(center, width, pixels, () if plane in ("all", "large", "tall") else (plane,))
        if plane in ("large", "tall"):
            views = [views[0], *(replace(view, pixels=pixels // 2) for view in views[1:])]
        drawn = sizes.of(study, lesion) if size else None
        marks = CropMarks(COLORS[color], 1.3 * radius, _point(other) if other else None, drawn)
        png = crop_png(volume, views, window_named(window, seen, seen_mm, radius), marks, below=plane == "tall")
        return Response(png, media_type="image/png")


def _add_answers(router: APIRouter, review: Review) -> None:
    json_only = [Depends(require_json)]

    @router.post(addresses.ACCEPT, dependencies=json_only)
    def accept(body: Accept) -> dict[str, Any]:
        return asdict(review.accept(body, signed(body.reader)))

    @router.post(addresses.MOVE, dependencies=json_only)
    def move(body: Move) -> dict[str, Any]:
        return asdict(review.move(body, signed(body.reader)))

    @router.post(addresses.CLOSE, dependencies=json_only)
    def close(body: Close) -> dict[str, Any]:
        return asdict(review.close(body, signed(body.reader)))


def _add_lesions(router: APIRouter, review: Review) -> None:
    json_only = [Depends(require_json)]

    @router.post(addresses.UNDO, dependencies=json_only)
    def undo(body: Undo) -> dict[str, Any]:
        return asdict(review.undo(body, signed(body.reader)))

    @router.post(addresses.REDO, dependencies=json_only)
    def redo(body: Undo) -> dict[str, Any]:
        return asdict(review.redo(body, signed(body.reader)))

    @router.post(addresses.DELETE, dependencies=json_only)
    def delete(body: OnLesion) -> dict[str, Any]:
        return asdict(review.delete(body, signed(body.reader)))

    @router.post(addresses.RESTORE, dependencies=json_only)
    def restore(body: OnLesion) -> dict[str, Any]:
        return asdict(review.restore(body, signed(body.reader)))

    @router.post(addresses.RENAME, dependencies=json_only)
    def rename(body: Rename) -> dict[str, Any]:
        return asdict(review.rename(body, signed(body.reader)))


def _add_jobs(router: APIRouter, jobs: TrackJobs, measuring: Measuring) -> None:
    @router.post(addresses.MEASURE, dependencies=[Depends(require_json)])
    def measure(body: MeasureAll) -> dict[str, Any]:
        return told(measuring.start(jobs, body.patient, body.lesions))

    @router.post(addresses.TRACK, dependencies=[Depends(require_json)])
    def track(body: TrackAll) -> dict[str, Any]:
        job = jobs.start(body.patient, body.baseline, body.lesions, direction=body.direction, carry=body.carry)
        return told(job)

    @router.get(addresses.PROGRESS)
    def job(job_id: str) -> dict[str, Any]:
        return told(jobs.get(job_id))


def _add_files(router: APIRouter) -> None:
    @router.get(addresses.PAGE_FILE)
    def file(name: str, ending: str) -> Response:
        text = page_file(f"{name}.{ending}")
        return Response(text, media_type=FILES[f"{name}.{ending}"], headers=HEADERS)


def told(job: Job) -> dict[str, Any]:
    """Return how far a job is; its state is looked at first: one that is done has done all that the others say."""
    shown = ("state", "id", "patient_id", "total", "done", "current", "tracked", "what", "messages")
    return {name: getattr(job, name) for name in shown}


def _point(text: str) -> np.ndarray:
    try:
        values = np.array(json.loads(f"[{text}]"), dtype=np.float64)
    except (ValueError, TypeError):
        values = np.zeros(0)
    if values.shape != (3,) or not np.isfinite(values).all():
        raise InputError(f"a point must be x,y,z in LPS mm, got {text!r}")
    return values
