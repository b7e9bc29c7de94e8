"""Whether a track still follows from the points before it: readers change them after it was made."""

import math
from collections.abc import Mapping, Sequence

from lesion_tracker.readers.cell import Cell
from lesion_tracker.records.track import Track

SAME_POINT_MM = 0.01
"""Points that differ by less are one; a mark is kept to a thousandth."""


def outdated(cell: Cell, studies: Sequence[str], cells: Mapping[str, Cell]) -> str:
    """Return why an unanswered track is outdated, in words for a reader, or "".

    It is where the point that it was tracked from is no longer there, and where a reader has corrected or marked the
    lesion since in a study between the two. A track that was accepted in between does not change what follows. Points are
    compared with those that the track was made from, never times: clocks differ, and are set back. Of a track that does
    not say what it was made from, by an earlier version, nothing is taken for granted.

    Args:
        cell: of the track.
        studies: ids, earliest first.
        cells: of the same lesion, by study id.
    """
    track = cell.track
    if cell.kind != "tracked" or track is None or track.baseline_study not in cells:
        return ""
    start = cells[track.baseline_study]
    if start is cell:  # from a volume that the study's file held before
        return ""
    first, last = sorted((studies.index(start.study_id), studies.index(cell.study_id)))
    between = [cells[name] for name in studies[first + 1 : last] if name in cells]
    return _of_start(track, start) or next(filter(None, (_of_one_between(track, other) for other in between)), "")


def _of_start(track: Track, start: Cell) -> str:
    if not start.has_answer or start.center_mm is None:
        return f"its starting point in {start.study_id} is gone"
    if track.baseline_mm is None:
        return f"an earlier version tracked it and did not keep its starting point in {start.study_id}"
    if math.dist(start.center_mm, track.baseline_mm) > SAME_POINT_MM:
        return f"its starting point in {start.study_id} was changed"
    return ""


def _of_one_between(track: Track, other: Cell) -> str:
    if other.kind not in ("corrected", "marked") or other.center_mm is None:
        return ""
    if track.between is None:
        return f"an earlier version tracked it and did not keep whether the point in {other.study_id} was there"
    before = track.between.get(other.study_id)
    if before is None or math.dist(before, other.center_mm) > SAME_POINT_MM:
        return f"a reader has moved the point in {other.study_id} since"
    return ""
