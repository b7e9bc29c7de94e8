"""The task correct_lesion: a reader moves a tracked point, and both points are kept."""

import time
from collections.abc import Mapping
from typing import Any

from monailabel.interfaces.tasks.infer_v2 import InferType

from lesion_tracker.errors import InputError
from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.records.correction import Correction
from lesion_tracker.records.derived import answered_track
from lesion_tracker.records.track import Track
from lesion_tracker.server.bound import BoundMarks
from lesion_tracker.server.engine import Engine
from lesion_tracker.server.review.measuring import Measuring
from lesion_tracker.server.viewers.answer import answer_form, answer_params, readers_sizes, write_answer
from lesion_tracker.server.viewers.clicks import clicks_of, lps_from_click
from lesion_tracker.server.viewers.lesions_param import lesion_from, lesion_objects
from lesion_tracker.server.viewers.task import LesionTask, passed_over, sender_of, superseded
from lesion_tracker.studies.catalog import Catalog
from lesion_tracker.studies.study import Study
from lesion_tracker.volumes.inside import require_inside
from lesion_tracker.volumes.volume import Volume


class CorrectLesion(LesionTask):
    """Stores where a reader says that tracked lesions are, and shows all points as they are now.

    Args:
        catalog: the studies.
        marks: where tracks and corrections are kept.
        engine: reads studies.
        bound: keeps marks to the volumes that they were made on.
        sizes: knows which readers drew.
    """

    def __init__(self, catalog: Catalog, marks: MarkStore, engine: Engine, bound: BoundMarks, sizes: Measuring) -> None:
        super().__init__(InferType.DEEPEDIT, "Correct a tracked lesion in the later CT: click where it really is")
        self._catalog, self._marks, self._engine, self._bound, self._sizes = catalog, marks, engine, bound, sizes

    def __call__(self, request: Mapping[str, Any]) -> tuple[str | None, dict[str, Any]]:
        """Store what was clicked.

        Args:
            request: params of the request, with `image` the id of the follow-up.

        Returns:
            Path of the file for the client (or None), and the params of the answer.

        Raises:
            InputError: for wrong input, also for a lesion that has not been tracked here; nothing is stored then.
        """
        start = time.perf_counter()
        form = answer_form(request)
        study = self._catalog.study(request.get("image"))
        volume, on = self._engine.stamped(study)
        said = self._bound.before_marking(study, on)
        tracks = {track.lesion_id: track for track in self._marks.tracks(study.id)}
        points, unknown = self._points(request, study, volume)
        self._require_tracked(list(points), tracks, study)
        who, before = sender_of(request), self._marks.lesions(study.id)
        answers = [Correction(tracks[name], point, who) for name, point in points.items()]
        kept = self._marks.correct(study.id, answers, on)
        self._bound.remember(study, volume, on)
        shown = current_tracks(list(tracks.values()), kept)
        file = write_answer(form, shown, volume.grid)
        params = answer_params(
            shown,
            sizes=readers_sizes(shown, self._sizes),
            corrections=[correction.to_json() for correction in kept],
            seconds={"total": round(time.perf_counter() - start, 3)},
            warnings=[
                *said,
                *(f"{study.id}: {text}" for text in volume.warnings),
                *passed_over(unknown),
                *superseded(before, self._marks.lesions(study.id), who),
            ],
        )
        return str(file) if file else None, params

    def _points(
        self, request: Mapping[str, Any], study: Study, volume: Volume
    ) -> tuple[dict[str, tuple[float, float, float]], list[str]]:
        clicks, unknown = clicks_of(request, {"lesions"})
        clicked = {click.lesion_id: lps_from_click(click, volume.grid, study.id) for click in clicks}
        points = {name: (float(p[0]), float(p[1]), float(p[2])) for name, p in clicked.items()}
        named = [lesion_from({"radius_mm": 1.0, **entry}) for entry in lesion_objects(request)]
        require_inside(named, volume.grid, study.id)
        return {**points, **{lesion.id: lesion.center_mm for lesion in named}}, unknown

    def _require_tracked(self, names: list[str], tracks: Mapping[str, Track], study: Study) -> None:
        untracked = [name for name in names if name not in tracks]
        if untracked:
            raise InputError(
                f"{', '.join(untracked)} has not been tracked in study {study.id!r}: run track_lesion first"
            )
        if not names and not tracks:
            raise InputError(f"nothing has been tracked in study {study.id!r}: run track_lesion first")


def current_tracks(tracks: list[Track], corrections: list[Correction]) -> list[Track]:
    """Return tracks as readers left them: an answered one at the reader's point, found, with confidence 1.

    An answer counts for the track that it is about; a lesion that was tracked again shows the new point.
    """
    corrected = {correction.track.lesion_id: correction for correction in corrections}
    shown = []
    for track in tracks:
        correction = corrected.get(track.lesion_id)
        if correction is None or correction.track.created_at != track.created_at:
            shown.append(track)
        else:
            shown.append(answered_track(track, correction))
    return shown
