"""The task mark_lesion: clicks in a baseline study become stored lesions."""

import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from monailabel.interfaces.tasks.infer_v2 import InferType

from lesion_tracker.arrays import point_mm
from lesion_tracker.errors import InputError
from lesion_tracker.measurement.measure import radius_at
from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.records.derived import shown_mark
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.server.background import Background
from lesion_tracker.server.bound import BoundMarks
from lesion_tracker.server.engine import Engine
from lesion_tracker.server.viewers.answer import answer_form, answer_params, write_answer
from lesion_tracker.server.viewers.clicks import Click, clicks_of, lps_from_click
from lesion_tracker.server.viewers.lesions_param import lesion_from, lesion_objects
from lesion_tracker.server.viewers.options import Option, option_number, option_text
from lesion_tracker.server.viewers.task import LesionTask, passed_over, sender_of, superseded
from lesion_tracker.studies.catalog import Catalog
from lesion_tracker.studies.one_patient import pair_facts
from lesion_tracker.studies.study import Study
from lesion_tracker.volumes.inside import require_inside
from lesion_tracker.volumes.volume import Volume

logger = logging.getLogger(__name__)

OPTIONS: dict[str, Option] = {"radius_mm": "", "patient": "", "study_date": ""}
LARGEST_RADIUS_MM = 200.0
SMALLEST_RADIUS_MM = 0.5


class MarkLesion(LesionTask):
    """Stores clicked lesions and shows all lesions of the study.

    Args:
        catalog: the studies.
        marks: where lesions are kept.
        engine: reads studies and registers.
        bound: keeps marks to the volumes that they were made on.
        background: registers later studies of the patient; None: nothing is computed ahead.
    """

    options = OPTIONS

    def __init__(
        self, catalog: Catalog, marks: MarkStore, engine: Engine, bound: BoundMarks, background: Background | None
    ) -> None:
        super().__init__(InferType.DEEPEDIT, "Mark lesions in the earlier CT: one click each; the radius is measured")
        self._catalog, self._marks, self._engine = catalog, marks, engine
        self._bound, self._background = bound, background

    def __call__(self, request: Mapping[str, Any]) -> tuple[str | None, dict[str, Any]]:
        """Store what was clicked.

        Args:
            request: params of the request, with `image` the id of the study.

        Returns:
            Path of the file for the client (or None), and the params of the answer.

        Raises:
            InputError: for wrong input; the text says what, and nothing is stored then.
        """
        start = time.perf_counter()
        form = answer_form(request)
        study = self._study(request)
        volume, on = self._engine.stamped(study)
        said = self._bound.before_marking(study, on)
        lesions, unknown = self._lesions(request, study, volume)
        before = self._marks.lesions(study.id)
        if not lesions and not before:
            raise InputError(
                f"nothing is marked in study {study.id!r}, and the request has no click: {{'lesion_1': [[i, j, k]]}}"
            )
        marked = self._marks.mark(study.id, lesions, on)
        if lesions:
            self._bound.remember(study, volume, on)
            self._register_later_studies(study)
        tracks = [shown_mark(lesion) for lesion in marked]
        warnings = [
            *said,
            *(f"{study.id}: {text}" for text in volume.warnings),
            *passed_over(unknown),
            *superseded(before, marked, sender_of(request)),
        ]
        file = write_answer(form, tracks, volume.grid)
        seconds = {"total": round(time.perf_counter() - start, 3)}
        records = [lesion.to_json() for lesion in marked]
        return str(file) if file else None, answer_params(tracks, lesions=records, seconds=seconds, warnings=warnings)

    def _study(self, request: Mapping[str, Any]) -> Study:
        study = self._catalog.study(request.get("image"))
        patient = option_text(request, "patient", OPTIONS)
        return self._catalog.with_patient(study, patient, option_text(request, "study_date", OPTIONS))

    def _lesions(self, request: Mapping[str, Any], study: Study, volume: Volume) -> tuple[list[Lesion], list[str]]:
        radius = option_number(request, "radius_mm", OPTIONS, SMALLEST_RADIUS_MM, LARGEST_RADIUS_MM)
        clicks, unknown = clicks_of(request, {*OPTIONS, "lesions"})
        known = {lesion.id: lesion for lesion in self._marks.lesions(study.id)}
        clicked = [self._from_click(click, volume, known.get(click.lesion_id), study) for click in clicks]
        named = [self._from_entry(entry, volume, study) for entry in lesion_objects(request)]
        require_inside(named, volume.grid, study.id)
        if radius is not None:
            clicked = _with_radius(clicked, radius, known, request.get("label"))
        who = sender_of(request)
        return [replace(lesion, patient_id=study.patient_id, marked_by=who) for lesion in clicked + named], unknown

    def _from_click(self, click: Click, volume: Volume, known: Lesion | None, study: Study) -> Lesion:
        point = lps_from_click(click, volume.grid, study.id)
        center = (float(point[0]), float(point[1]), float(point[2]))
        if known is not None and known.center_mm == center:
            return known
        return Lesion(click.lesion_id, center, radius_at(volume, point), radius_source="measured")

    def _from_entry(self, entry: Mapping[str, Any], volume: Volume, study: Study) -> Lesion:
        if "radius_mm" in entry:
            return lesion_from(entry)
        without = lesion_from({**entry, "radius_mm": 1.0})
        require_inside([without], volume.grid, study.id)
        radius = radius_at(volume, point_mm(without.center_mm))
        return replace(without, radius_mm=radius, radius_source="measured")

    def _register_later_studies(self, study: Study) -> None:
        if self._background is None or not study.patient_id or not study.study_date:
            return
        self._background.add(f"find the later studies of {study.id}", partial(self._queue_registrations, study))

    def _queue_registrations(self, study: Study) -> None:
        """Queue them in the background: a PACS that does not answer then costs the reader nothing."""
        if self._background is None:
            return
        for other, why in self._catalog.to_register(study):
            others = pair_facts(study, other).refusals
            if others:
                logger.info("%s is not registered with %s: %s", other.id, study.id, "; ".join(others))
                continue
            if why:
                logger.info("to register with %s: %s", study.id, why)
            self._background.add(f"register {study.id} -> {other.id}", partial(self._register, study, other))

    def _register(self, study: Study, other: Study) -> None:
        """Register what tracking the study's marks into the other one will ask for."""
        places = [point_mm(lesion.center_mm) for lesion in self._marks.lesions(study.id)]
        self._engine.register(study, other, places)


def _with_radius(lesions: list[Lesion], radius_mm: float, known: Mapping[str, Lesion], label: object) -> list[Lesion]:
    """Give a radius to what this request is about: new or moved clicks, else the named label, else every click."""
    about = {lesion.id for lesion in lesions if lesion != known.get(lesion.id)}
    about = about or {lesion.id for lesion in lesions if lesion.id == label} or {lesion.id for lesion in lesions}
    return [
        replace(lesion, radius_mm=radius_mm, radius_source="given") if lesion.id in about else lesion
        for lesion in lesions
    ]
