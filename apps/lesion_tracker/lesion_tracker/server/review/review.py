"""What a reader's click does to a patient's lesions: refused where it answers what no longer stands, else kept as a whole."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from lesion_tracker.arrays import point_mm
from lesion_tracker.errors import InputError, NotFound
from lesion_tracker.measurement.measure import radius_at
from lesion_tracker.records.correction import Correction
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.names import clean_name
from lesion_tracker.records.state import AGREED, CLOSINGS
from lesion_tracker.server.review.patient_review import Done, PatientReview
from lesion_tracker.server.review.patients import Patients
from lesion_tracker.server.review.requests import Accept, Close, MarkNew, Move, OnLesion, Rename, Undo
from lesion_tracker.studies.study import Study
from lesion_tracker.volumes.inside import require_inside

NEW_RADIUS_MM = 5.0
"""Of a lesion that has no point in any other study."""


class Review(Patients):
    """Does what a reader's click asks, and reads what is known about patients' lesions."""

    def accept(self, request: Accept, reader: str) -> Done:
        """Keep that a tracked point is right."""
        study = self._catalog.study(request.study)
        with self._marks.transaction():
            self._require_seen(study.id, request)
            self._marks.accept(study.id, [request.lesion], reader)
            return self._done(" accepted", request.lesion, [study.id])

    def move(self, request: Move, reader: str) -> Done:
        """Keep where a reader put a point."""
        study = self._catalog.study(request.study)
        volume, on = self._engine.stamped(study)
        self._bound.before_marking(study, on)
        point = Lesion(request.lesion, request.center_mm, NEW_RADIUS_MM, marked_by=reader, patient_id=study.patient_id)
        require_inside([point], volume.grid, study.id)
        marked = self._like_known(point, study)
        with self._marks.transaction():
            self._require_seen(study.id, request)
            track = next((t for t in self._marks.tracks(study.id) if t.lesion_id == request.lesion), None)
            if track is None:
                self._marks.mark(study.id, [marked], on)
                text = " marked"
            else:
                self._marks.correct(study.id, [Correction(track, request.center_mm, reader)], on)
                text = f" corrected, {math.dist(request.center_mm, track.center_mm):.1f} mm"
            done = self._done(text, request.lesion, [study.id])
        self._bound.remember(study, volume, on)
        return done

    def mark(self, request: MarkNew, reader: str) -> tuple[Lesion, Done]:
        """Keep a lesion that the patient does not have yet; returns it, too."""
        study = self._catalog.study(request.study)
        label = clean_name(request.label) if request.label.strip() else ""
        point = Lesion("new", request.center_mm, NEW_RADIUS_MM, label, patient_id=study.patient_id, marked_by=reader)
        volume, on = self._engine.stamped(study)
        require_inside([point], volume.grid, study.id)
        radius = radius_at(volume, point_mm(point.center_mm))
        with self.changing(study.patient_id) as known:
            names = {row.lesion_id for row in known.rows} | {one.lesion_id for one in known.deleted}
            name = next(f"lesion_{n}" for n in itertools.count(1) if f"lesion_{n}" not in names)
            if label:
                known.require_free(label)
            lesion = replace(point, id=name, label=label or name, radius_mm=radius, radius_source="measured")
            self._marks.mark(study.id, [lesion], on)
            done = self._done(" marked", lesion.id, [study.id])
        self._bound.remember(study, volume, on)
        return lesion, done

    def close(self, request: Close, reader: str) -> Done:
        """Keep that a reader closed a lesion in a study without a point."""
        study = self._catalog.study(request.study)
        with self.changing(study.patient_id) as known:
            self._require_seen(study.id, request)
            cell = known.row(request.lesion).cells.get(study.id)
            if cell is None or not cell.is_open:
                raise InputError(f"{request.lesion} in {study.id} is not open: undo what was answered there first")
            if request.closing == AGREED.name and not cell.can_agree:
                raise InputError(
                    f"{request.lesion} in {study.id} is {cell.state.words}, not expected outside of the scan"
                )
            self._marks.close(study.id, request.lesion, request.closing, reader)
            return self._done(f": {CLOSINGS[request.closing].words}", request.lesion, [study.id])

    def undo(self, request: Undo, reader: str) -> Done:
        """Take back what a reader did to a lesion: what the request names, or what was last in each of the studies."""
        with self.changing(request.patient) as known:
            studies = _of_patient(known, request.studies or tuple(request.actions))
            named = request.actions or {name: known.records[name].action(request.lesion) for name in studies}
            whole = _whole_step(known, request.lesion, named)
            studies = [name for name in _of_patient(known, ()) if name in whole]
            done = self._marks.undo(studies, request.lesion, reader, whole)
            text = f": taken back ({', '.join(sorted(set(done)))})"
            return self._done(text, request.lesion, studies, also_undone=True)

    def redo(self, request: Undo, reader: str) -> Done:
        """Do again what a reader took back."""
        with self.changing(request.patient) as known:
            studies = _of_patient(known, tuple(request.actions)) if request.actions else []
            if not studies:
                raise InputError("a redo names the undo that it takes back, by study, in `actions`")
            done = self._marks.redo(request.actions, request.lesion, reader)
            return self._done(f": done again ({', '.join(sorted(set(done)))})", request.lesion, studies)

    def delete(self, request: OnLesion, reader: str) -> Done:
        """Delete a lesion in the studies that have it."""
        with self.changing(request.patient) as known:
            changed = _with_lesion(known, request)
            self._marks.delete(changed, request.lesion, reader)
            return self._done(" deleted", request.lesion, changed)

    def restore(self, request: OnLesion, reader: str) -> Done:
        """Bring a deleted lesion back in the studies in which it was deleted."""
        with self.changing(request.patient) as known:
            studies = _seen_in(known, request)
            changed = [name for name in studies if request.lesion in known.records[name].deleted()]
            if not changed:
                raise InputError(
                    f"{request.lesion!r} is not deleted in any of these studies: there is nothing to restore"
                )
            self._marks.restore(changed, request.lesion, reader)
            return self._done(" restored", request.lesion, changed)

    def rename(self, request: Rename, reader: str) -> Done:
        """Give a lesion another name in all studies that have it."""
        name = clean_name(request.label)
        with self.changing(request.patient) as known:
            changed = _with_lesion(known, request)
            known.require_free(name, request.lesion)
            before = known.row(request.lesion).label
            self._marks.rename(changed, request.lesion, name, reader)
            return replace(self._done("", request.lesion, changed), done=f"{before} renamed to {name}")

    def _require_seen(self, study_id: str, request: Accept | Move | Close) -> None:
        """Refuse an answer to what no longer stands: another entry than the one seen, or another track."""
        records = self._marks.records(study_id)
        if request.seen is not None:
            records.require_seen(request.lesion, request.seen)
        track = next((one for one in records.tracks() if one.lesion_id == request.lesion), None)
        if (track.created_at if track else "") != request.track:
            raise records.changed(request.lesion)

    def _done(self, text: str, lesion_id: str, studies: Sequence[str], *, also_undone: bool = False) -> Done:
        """Return what was done a moment ago, within the transaction that did it; `text` follows the lesion's name."""
        actions = {}
        for name in studies:
            records = self._marks.records(name)
            if also_undone:
                actions[name] = [step.action for step in records.steps(lesion_id) if step.tag != "tracks"][-1]
            else:
                actions[name] = records.action(lesion_id)
        return Done(self._marks.records(studies[-1]).label(lesion_id) + text, tuple(studies), actions)

    def _like_known(self, point: Lesion, study: Study) -> Lesion:
        """Return a new mark with the radius, name and tracking_uid that the lesion has in the patient's other studies."""
        if not study.patient_id:
            return point
        row = next((r for r in self.patient(study.patient_id).rows if r.lesion_id == point.id), None)
        if row is None:
            return point
        near = row.cells.get(study.id) or list(row.cells.values())[-1]
        return Lesion(
            id=point.id,
            center_mm=point.center_mm,
            radius_mm=near.radius_mm,
            label=row.label,
            tracking_uid=near.tracking_uid,
            patient_id=study.patient_id,
            marked_by=point.marked_by,
            radius_source="estimated" if near.measured else "expected",
        )


def _of_patient(known: PatientReview, wanted: Sequence[str]) -> list[str]:
    names = [study.id for study in known.studies]
    foreign = [name for name in wanted if name not in names]
    if foreign:
        raise InputError(f"{', '.join(foreign)} is no study of patient {known.patient_id!r}")
    return [name for name in names if not wanted or name in wanted]


def _whole_step(known: PatientReview, lesion_id: str, actions: Mapping[str, str]) -> dict[str, str]:
    """Return the steps, by study, that are taken back with those that a reader names.

    A name, or that a lesion is deleted, holds in all studies: taken back in one alone it would leave the lesion with two.
    """
    steps = {name: records.steps(lesion_id) for name, records in known.records.items()}
    named = [step for name, action in actions.items() for step in steps[name] if step.action == action]
    wide = {(step.what, step.who, step.when) for step in named if step.what in ("rename", "delete", "restore")}
    whole = dict(actions)
    for name, own in steps.items():
        gone = {step.taken_back.action for step in own if step.taken_back}
        for step in own:
            if (step.what, step.who, step.when) in wide and step.action not in gone:
                whole.setdefault(name, step.action)
    return whole


def _seen_in(known: PatientReview, request: OnLesion) -> list[str]:
    """Return the studies that are meant, as long as the lesion stands there as the reader saw it."""
    for name in _of_patient(known, tuple(request.seen)) if request.seen else ():
        known.records[name].require_seen(request.lesion, request.seen[name])
    return _of_patient(known, request.studies)


def _with_lesion(known: PatientReview, request: OnLesion) -> list[str]:
    names = _seen_in(known, request)
    having = [name for name in names if request.lesion in known.records[name].lesion_ids()]
    if not having:
        raise NotFound(f"patient {request.patient!r} has no lesion {request.lesion!r}")
    return having
