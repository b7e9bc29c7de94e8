"""Lesions of a report, matched with a patient's own: by TrackingUID, else by place, else by name."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lesion_tracker.readers.cell import Cell
from lesion_tracker.readers.patient_table import Row
from lesion_tracker.report.dicom_sr_reading import FoundLesion

NEAR_MM = 3.0
"""Two points in one lesion lie so near, or within its radius."""


@dataclass(frozen=True)
class Offer:
    """A lesion of a report that a reader may take over.

    Args:
        found: the lesion.
        lesion_id: which of the patient's lesions it is; "" for one that the patient does not have.
        why: how that was decided, in words.
    """

    found: FoundLesion
    lesion_id: str
    why: str


def offers(found: Sequence[FoundLesion], rows: Sequence[Row], study_id: str) -> list[Offer]:
    """Return what a study's reports offer, of several about one lesion the newest.

    A lesion with another TrackingUID is the patient's nearest within its radius; of that name, if that one has no point
    in the study. A name whose lesion lies elsewhere in the study is another lesion's.

    Args:
        found: in all reports of the study.
        rows: the patient's lesions.
        study_id: the study.
    """
    chosen: list[Offer] = []
    for one in sorted(found, key=lambda lesion: lesion.made_at, reverse=True):
        offer = _matched(one, rows, study_id)
        if not any(_same(offer, other) for other in chosen):
            chosen.append(offer)
    return chosen


def _matched(one: FoundLesion, rows: Sequence[Row], study_id: str) -> Offer:
    for row in rows:
        if one.tracking_uid and one.tracking_uid in {cell.tracking_uid for cell in row.cells.values()}:
            return Offer(one, row.lesion_id, "the same TrackingUID")
    here = {row.lesion_id: cell for row in rows if (cell := _here(row.cells, study_id)) is not None}
    named = [row.lesion_id for row in rows if one.name and one.name.casefold() in _names(row)]
    near = {name: away for name, cell in here.items() if (away := _away_mm(one, cell)) <= _reach_mm(one, cell)}
    if near:
        best = next((name for name in named if name in near), min(near, key=lambda name: near[name]))
        called = " and the same name" if best in named else ""
        return Offer(one, best, f"{near[best]:.1f} mm from its point{called}")
    if named and named[0] in here:
        return Offer(one, "", f"a lesion of that name lies {_away_mm(one, here[named[0]]):.0f} mm away: another one")
    if named:
        return Offer(one, named[0], "the same name; it has no point in this study")
    return Offer(one, "", "none of this patient's lesions is there or has that name")


def _here(cells: Mapping[str, Cell], study_id: str) -> Cell | None:
    cell = cells.get(study_id)
    return cell if cell is not None and cell.center_mm is not None and cell.kind != "closed" else None


def _names(row: Row) -> set[str]:
    return {row.lesion_id.casefold(), row.label.casefold()}


def _away_mm(one: FoundLesion, cell: Cell) -> float:
    return math.dist(one.center_mm, cell.center_mm or (math.inf,) * 3)


def _reach_mm(one: FoundLesion, cell: Cell) -> float:
    return max(NEAR_MM, cell.radius_mm, one.radius_mm or 0.0)


def _same(offer: Offer, other: Offer) -> bool:
    """Say whether two offers are about one lesion."""
    if offer.lesion_id or other.lesion_id:
        return offer.lesion_id == other.lesion_id
    apart_mm = math.dist(offer.found.center_mm, other.found.center_mm)
    return apart_mm <= max(NEAR_MM, offer.found.radius_mm or 0.0, other.found.radius_mm or 0.0)
