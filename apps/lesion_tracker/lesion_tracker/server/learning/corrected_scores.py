"""The scoring method `corrected`: CPM and MED of what was tracked, against what readers say."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from monailabel.interfaces.tasks.scoring import ScoringMethod

from lesion_tracker.readers.mark_store import MarkStore
from lesion_tracker.records.correction import Correction
from lesion_tracker.scoring.cpm import score


class CorrectedScores(ScoringMethod):
    """Scores tracks that readers answered: corrected ones alone, and together with the accepted ones.

    An accepted track counts as exact, so the second score is too good by what a reader did not care to move; the first
    is of the tracks that were wrong. Neither is the accuracy on all lesions.

    Args:
        marks: what readers answered.
    """

    def __init__(self, marks: MarkStore) -> None:
        super().__init__("CPM@10mm, CPM@Radius and MED of tracks against readers' corrections, by model")
        self._marks = marks

    def __call__(self, request: Mapping[str, Any], datastore: Any) -> dict[str, Any]:
        """Return the scores over all studies and of each model's tracks; {"n": 0} where there is nothing to score."""
        answers = [
            correction
            for study_id in sorted(self._marks.studies("corrections"))
            for correction in self._marks.corrections(study_id)
        ]
        by_model: dict[str, list[Correction]] = {}
        for answer in answers:
            by_model.setdefault(model_name(answer), []).append(answer)
        return {**_scores(answers), "models": {name: _scores(part) for name, part in sorted(by_model.items())}}


def model_name(correction: Correction) -> str:
    """Return the weights that made a track, or the method where it was registration alone."""
    model = correction.track.model
    return f"{model.get('name')} ({str(model.get('sha256'))[:8]})" if model else correction.track.method


def _scores(answers: Sequence[Correction]) -> dict[str, Any]:
    corrected = [answer for answer in answers if answer.verdict == "corrected"]
    return {"corrected": _score(corrected), "corrected_and_accepted": _score(answers)}


def _score(answers: Sequence[Correction]) -> dict[str, Any]:
    if not answers:
        return {"n": 0}
    error = np.array([np.subtract(answer.track.center_mm, answer.center_mm) for answer in answers])
    return dict(score(error, np.array([answer.track.expected_radius_mm for answer in answers])).to_json())
