"""What is known of one study's lesions as DICOM files: a structured report, masks, and what was left out of them."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset

from lesion_tracker.errors import InputError, StudyError
from lesion_tracker.records.fate import FATES
from lesion_tracker.report.dicom_lesion import MadeBy, ReportedLesion
from lesion_tracker.report.dicom_seg import segmentation
from lesion_tracker.report.dicom_source import read_source
from lesion_tracker.report.dicom_sr import structured_report
from lesion_tracker.report.patient_results import LesionResult, StudyResult
from lesion_tracker.volumes.dicom_folders import split_address


@dataclass(frozen=True, eq=False)
class DicomResults:
    """The files of one study.

    Args:
        report: the structured report.
        masks: the SEG; None where no lesion has an outline.
        left_out: a sentence for each lesion that is not in them.
    """

    report: Dataset
    masks: Dataset | None
    left_out: tuple[str, ...]

    @property
    def files(self) -> dict[str, Dataset]:
        """Both by name."""
        both = {"report": self.report, "masks": self.masks}
        return {name: one for name, one in both.items() if one is not None}


def is_dicom(path: Path) -> bool:
    """Say whether a study's files are DICOM."""
    return path.is_dir() or bool(split_address(path)[1])


def dicom_results(path: Path, result: StudyResult, reader: str = "", *, confirmed: bool = False) -> DicomResults:
    """Return a study's results as DICOM; the same content has the same UIDs.

    Args:
        path: of the study's files.
        result: what is known in it.
        reader: who asks for them, or "".
        confirmed: only what a reader has looked at.

    Raises:
        StudyError: for a study that is no DICOM.
        InputError: if no lesion can be written.
    """
    if not is_dicom(path):
        raise StudyError(f"{result.study.id} is no DICOM series: there is nothing that a report could refer to")
    left_out = {one.lesion.id: why for one in result.lesions if (why := _why_not(one, confirmed))}
    chosen = [one for one in result.lesions if one.lesion.id not in left_out]
    told = tuple(f"{one.lesion.name}: {left_out[one.lesion.id]}" for one in result.lesions if one.lesion.id in left_out)
    if not chosen:
        raise InputError(
            f"no lesion of {result.study.id} can be written as DICOM: {'; '.join(told) or 'there is none'}"
        )
    source, lesions, by = read_source(path), [_reported(one) for one in chosen], _made_by(chosen, reader)
    outlined = any(one.measured is not None and one.measured.outline for one in lesions)
    masks = segmentation(source, lesions, by) if outlined else None
    return DicomResults(structured_report(source, lesions, by), masks, told)


def file_of(dataset: Dataset) -> bytes:
    """Return an object as the bytes of a DICOM file."""
    file = io.BytesIO()
    dataset.save_as(file, write_like_original=False)
    return file.getvalue()


def _why_not(one: LesionResult, confirmed: bool) -> str:
    """Return why a lesion is not written, or ""."""
    if confirmed and not one.seen.confirmed:
        return "no reader has looked at it in this study"
    if not one.seen.confirmed and one.measured is None:
        return "nobody knows what became of it in this study"
    return "" if one.place_mm is not None else "its place in this study is not known"


def _reported(one: LesionResult) -> ReportedLesion:
    lesion = one.lesion
    return ReportedLesion(
        name=lesion.name,
        tracking_uid=lesion.tracking_uid,
        place_mm=one.place_mm or (0.0, 0.0, 0.0),
        fate=one.seen.fate,
        organ=lesion.traits.organ,
        node=lesion.traits.node,
        measured=one.measured if FATES[one.seen.fate].has_place else None,
        confirmed=one.seen.confirmed,
    )


def _made_by(lesions: Sequence[LesionResult], reader: str) -> MadeBy:
    """Return who made them; the weights are named where they are the same for all lesions that weights have found."""
    models = {one.track_model for one in lesions} - {("", "")}
    return MadeBy(reader, *(models.pop() if len(models) == 1 else ("", "")))
