"""One study as RECIST sees it: its date, its slices, and what is known of each lesion in it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lesion_tracker.records.fate import MERGED, SPLIT
from lesion_tracker.records.followed import Followed, Seen

Patient = Mapping[str, Followed]
"""A patient's lesions by id."""


@dataclass(frozen=True)
class Visit:
    """One study.

    Args:
        study_id: the study.
        seen: by lesion id; a lesion that nothing is known of here has none.
        date: YYYYMMDD, or "".
        slice_mm: the slices' thickness or, where it is larger, their distance; None where unknown.
    """

    study_id: str
    seen: Mapping[str, Seen] = field(default_factory=dict)
    date: str = ""
    slice_mm: float | None = None


def carriers(lesion_id: str, visit: Visit, passed: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the lesions that a lesion is measured by in a study: itself, what it merged with, or the parts it split into.

    Args:
        lesion_id: the lesion.
        visit: the study.
        passed: lesions on the way here; a ring of merged lesions ends where it closes.
    """
    seen = visit.seen.get(lesion_id)
    if seen is None or seen.fate not in (MERGED.name, SPLIT.name):
        yield lesion_id
        return
    for other in seen.others:
        if other not in (*passed, lesion_id):
            yield from carriers(other, visit, (*passed, lesion_id))
