"""A study's folder with a folder a series in it → the series to track from or to, where nobody named one."""

from pathlib import Path

from lesion_tracker.errors import StudyError
from lesion_tracker.studies.series_choice import SeriesQuality, assess_headers, choose, explain
from lesion_tracker.volumes.dicom_headers import first_header, read_headers

INSTEAD = "name another one's folder instead of the study's"


def series_in(study: Path, *, has_lesions: bool) -> tuple[Path, str]:
    """Return the series to take of a study.

    Args:
        study: a file, a folder with the slices of one series, or one whose folders are series.
        has_lesions: points are given for this study; they are points of any series only in one frame of reference.

    Returns:
        `study` itself where there is nothing to choose, else a folder in it; and a sentence that shows the choice, or "".

    Raises:
        StudyError: if no series can be used, or the points could belong to any of several.
    """
    if not study.is_dir() or _holds_slices(study):
        return study, ""
    folders = [folder for folder in sorted(study.iterdir()) if folder.is_dir() and not folder.name.startswith(".")]
    qualities = [quality for quality in map(_quality, folders) if quality is not None]
    if len(qualities) < 2:
        return (study / qualities[0].series_uid if qualities else study), ""
    chosen = choose(qualities)
    listed = "; ".join(quality.describe() for quality in qualities)
    if chosen is None:
        raise StudyError(f"{study.name}: no usable series: {listed}")
    frames = {quality.frame_of_reference_uid for quality in qualities if not quality.problem}
    if has_lesions and (len(frames) > 1 or "" in frames) and sum(not one.problem for one in qualities) > 1:
        raise StudyError(f"{study.name}: the lesions could belong to any of the series {listed}; {INSTEAD}")
    return study / chosen.series_uid, f"{study.name}: {explain(chosen, qualities, INSTEAD)}"


def _holds_slices(folder: Path) -> bool:
    try:
        return first_header(folder) is not None
    except StudyError:  # damaged: it is the one to be read, and reading it says what is wrong
        return True


def _quality(folder: Path) -> SeriesQuality | None:
    """Judge the series in a folder, under the folder's name; None for a folder without slices."""
    if not _holds_slices(folder):
        return None
    try:
        return assess_headers(folder.name, read_headers(folder))
    except StudyError as error:
        return SeriesQuality(folder.name, "", problem=str(error))
