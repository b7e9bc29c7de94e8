"""Which of a study's series is tracked from or to where nobody chose one: it covers most, in the thinnest slices."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset

from lesion_tracker.errors import StudyError
from lesion_tracker.volumes.dicom_headers import TAGS, SliceHeader
from lesion_tracker.volumes.dicom_kinds import doubt_of
from lesion_tracker.volumes.dicom_series import grid_of_headers

ENOUGH = 0.9
"""A series that covers this fraction of what the longest one covers is long enough; thinner slices then count."""


@dataclass(frozen=True)
class SeriesQuality:
    """What a series is good for, by its headers.

    Args:
        series_uid: SeriesInstanceUID.
        description: of the series.
        coverage_mm: from its first slice's outer face to its last one's.
        slice_mm: distance of neighbouring slices.
        frame_of_reference_uid: or "".
        problem: why it cannot be used; "" where it can.
        doubt: why another one of the study is better; "" where nothing speaks against it.
    """

    series_uid: str
    description: str
    coverage_mm: float = 0.0
    slice_mm: float = 0.0
    frame_of_reference_uid: str = ""
    problem: str = ""
    doubt: str = ""

    def describe(self) -> str:
        """Return one line for an answer or a log."""
        what = self.problem or f"{self.coverage_mm:.0f} mm in slices {self.slice_mm:g} mm apart"
        what += f"; {self.doubt}" if self.doubt and not self.problem else ""
        return f"{self.series_uid} ({self.description or 'no description'}: {what})"


def assess(
    series_uid: str, items: Sequence[dict[str, Any]], *, any_modality: bool = False, reformats: bool = False
) -> SeriesQuality:
    """Judge a series by the headers of its instances.

    Args:
        series_uid: SeriesInstanceUID.
        items: the headers in DICOM's JSON model.
        any_modality: accept what is not CT.
        reformats: accept axial reformats.
    """
    if not items:
        return SeriesQuality(series_uid, "", problem="it has no instances")
    headers = [_header(number, item) for number, item in enumerate(items, start=1)]
    return assess_headers(series_uid, headers, any_modality=any_modality, reformats=reformats)


def assess_headers(
    series_uid: str, headers: list[SliceHeader], *, any_modality: bool = False, reformats: bool = False
) -> SeriesQuality:
    """Judge a series by the headers of its files.

    Args:
        series_uid: what it is called in answers.
        headers: of all its files, at least one.
        any_modality: accept what is not CT.
        reformats: accept axial reformats.
    """
    description, frame = headers[0].text("SeriesDescription"), headers[0].text("FrameOfReferenceUID")
    try:
        _, grid = grid_of_headers(headers, any_modality=any_modality, reformats=reformats)
    except StudyError as error:
        return SeriesQuality(series_uid, description, frame_of_reference_uid=frame, problem=str(error))
    step_mm = round(float(grid.spacing_mm[2]), 3)
    return SeriesQuality(series_uid, description, step_mm * grid.size[2], step_mm, frame, doubt=doubt_of(headers))


def choose(series: Sequence[SeriesQuality]) -> SeriesQuality | None:
    """Return the series to take, or None if none can be used.

    Of those that nothing speaks against, else of all, and that cover at least 90 % of what the longest of them covers, the
    one with the thinnest slices; among equals the longest, then the first by its UID, so that the choice is always the same.
    """
    usable = [quality for quality in series if not quality.problem]
    if not usable:
        return None
    usable = [quality for quality in usable if not quality.doubt] or usable
    longest = max(quality.coverage_mm for quality in usable)
    enough = [quality for quality in usable if quality.coverage_mm >= ENOUGH * longest]
    return min(enough, key=lambda quality: (quality.slice_mm, -quality.coverage_mm, quality.series_uid))


def explain(
    chosen: SeriesQuality, series: Sequence[SeriesQuality], instead: str = "name another one as baseline_image"
) -> str:
    """Return the sentence that shows a choice and how to override it.

    Args:
        chosen: which.
        series: all, also the chosen one.
        instead: how to override it.
    """
    others = "; ".join(other.describe() for other in series if other.series_uid != chosen.series_uid)
    return f"chose series {chosen.describe()}; not {others or 'any other'}; {instead}"


def _header(number: int, item: dict[str, Any]) -> SliceHeader:
    wanted = {f"{tag_for_keyword(name):08X}" for name in TAGS}
    kept = {tag: value for tag, value in item.items() if tag in wanted and isinstance(value, dict)}
    return SliceHeader(Path(f"instance {number}"), Dataset.from_json(kept))
