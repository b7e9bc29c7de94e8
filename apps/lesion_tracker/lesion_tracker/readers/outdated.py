"""Whether a track still follows from the points before it: readers change them after it was made."""

import math
from collections.abc import Mapping, Sequence

from lesion_tracker.readers.cell import Cell

SAME_POINT_MM = 0.01
"""Points that differ by less are one; a mark is kept to a thousandth."""


def outdated(cell: Cell, studies: Sequence[str], cells: Mapping[str, Cell]) -> str:
    """Return why an unanswered track is outdated, in words for a reader, or "".

    It is where the point that it was tracked from is no longer there, and where a reader has corrected or marked the
    lesion since in a study between the two. A track that was accepted in between does not change what follows.

    Args:
        cell: of the track.
        studies: ids, earliest first.
        cells: of the same lesion, by study id.
    """
    track = cell.track
    if cell.kind != "tracked" or track is None or track.baseline_study not in cells:
        return ""
    start = cells[track.baseline_study]
    if not start.has_answer or start.center_mm is None:
        return f"its starting point in {start.study_id} is gone"
    if track.baseline_mm is None:
        moved = track.created_at < start.when
    else:
        moved = math.dist(start.center_mm, track.baseline_mm) > SAME_POINT_MM
    if moved:
        return f"its starting point in {start.study_id} was changed"
    between = studies[studies.index(start.study_id) + 1 : studies.index(cell.study_id)]
    for study_id in between:
        other = cells.get(study_id)
        if other is not None and other.kind in ("corrected", "marked") and other.when > track.created_at:
            return f"a reader has moved the point in {study_id} since"
    return ""
