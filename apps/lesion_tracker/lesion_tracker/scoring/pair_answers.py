"""The tracks of a pairs file beside its truth: what `evaluate`, and every other tracker on those pairs, is scored by."""

import re
from collections.abc import Sequence

import numpy as np

from lesion_tracker.records.track import Track
from lesion_tracker.scoring.answers import MISSED, Answer
from lesion_tracker.scoring.pairs_file import PairEntry, lesion_keys
from lesion_tracker.studies.study import study_id_of
from lesion_tracker.volumes.grid import Grid

NAMED = re.compile(r"(.+?)__\d{8}(?:__.+)?")
"""`<patient>__<yyyymmdd>[__<series>]`."""


def pair_answers(pairs: Sequence[PairEntry], runs: Sequence[tuple[Grid, Sequence[Track]] | None]) -> list[Answer]:
    """Return an answer a lesion.

    Args:
        pairs: with their truth.
        runs: for each pair the follow-up's grid, and one track a lesion in their order; None for a refused one, whose
            lesions are missed.

    Raises:
        ValueError: if the tracks are not those of the lesions.
    """
    found: list[Answer] = []
    for entry, run, names in zip(pairs, runs, lesion_keys(pairs), strict=True):
        if run is None:
            found += _missed(entry, names)
            continue
        grid, tracks = run
        if [track.lesion_id for track in tracks] != [marked.lesion.id for marked in entry.lesions]:
            raise ValueError(f"the tracks of {entry.followup.name} are not those of its lesions, in their order")
        for name, marked, track in zip(names, entry.lesions, tracks, strict=True):
            truth = np.array(marked.followup_mm)
            found.append(
                Answer(
                    id=name,
                    difference_mm=np.array(track.center_mm) - truth,
                    radius_mm=marked.score_radius_mm,
                    patient=patient_of(entry),
                    slice_mm=slice_spacing_mm(grid),
                    direction="forward",
                    prior_mm=float(np.linalg.norm(np.array(track.expected_mm) - truth)),
                    confidence=track.confidence,
                    seconds=track.seconds.get("total"),
                )
            )
    return found


def _missed(entry: PairEntry, names: Sequence[str]) -> list[Answer]:
    return [
        Answer(name, MISSED, marked.score_radius_mm, patient_of(entry), direction="forward")
        for name, marked in zip(names, entry.lesions, strict=True)
    ]


def patient_of(entry: PairEntry) -> str:
    """Return the pair's patient: what the file says, or the baseline's name `<patient>__<date>`, or its whole name."""
    name = study_id_of(entry.baseline)
    found = NAMED.fullmatch(name)
    return entry.patient or (found[1] if found else name)


def slice_spacing_mm(grid: Grid) -> float:
    """Return the spacing along the index axis that runs most along the patient, mm."""
    return float(grid.spacing_mm[np.argmax(np.abs(grid.direction[2]))])
