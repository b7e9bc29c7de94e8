"""The strategy least_confident: the follow-up whose lesions the model is least sure of, for a reader to look at."""

from collections.abc import Mapping, Sequence
from typing import Any

from monailabel.interfaces.tasks.strategy import Strategy

from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.records.correction import Correction
from lesion_tracker.records.track import Track
from lesion_tracker.studies.catalog import Catalog


class LeastConfident(Strategy):
    """Of all studies with tracked lesions that no reader answered yet, the one with the lowest mean confidence.

    Where every track is answered, or nothing is tracked, another strategy answers.

    Args:
        catalog: the studies.
        marks: tracks and readers' answers.
        otherwise: asked where there is nothing to look at.
    """

    def __init__(self, catalog: Catalog, marks: MarkStore, otherwise: Strategy) -> None:
        super().__init__("Follow-up whose tracked lesions are least certain and not yet accepted or corrected")
        self._catalog, self._marks, self._otherwise = catalog, marks, otherwise

    def __call__(self, request: Mapping[str, Any], datastore: Any) -> dict[str, Any]:
        """Return {"id", "confidence", "lesions"} of the study, or what the other strategy says."""
        there = set(self._catalog.ids())
        sure: dict[str, tuple[float, list[str]]] = {}
        for study_id in sorted(self._marks.studies("tracks") & there):
            open_ = unanswered(self._marks.tracks(study_id), self._marks.corrections(study_id))
            if open_:
                names = [track.lesion_id for track in sorted(open_, key=lambda track: track.confidence)]
                sure[study_id] = sum(track.confidence for track in open_) / len(open_), names
        if not sure:
            return dict(self._otherwise(request, datastore))
        study_id = min(sure, key=lambda name: sure[name][0])
        confidence, lesions = sure[study_id]
        return {"id": study_id, "confidence": round(confidence, 3), "lesions": lesions}


def unanswered(tracks: Sequence[Track], corrections: Sequence[Correction]) -> list[Track]:
    """Return the tracks that no reader accepted or corrected; those without a point ask for nothing."""
    answered = {(correction.track.lesion_id, correction.track.created_at) for correction in corrections}
    return [track for track in tracks if track.has_point and (track.lesion_id, track.created_at) not in answered]
