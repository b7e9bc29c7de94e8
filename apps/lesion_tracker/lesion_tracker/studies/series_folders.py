"""A study's folder with several series in it or below it → the series to track from or to, where nobody named one."""

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from lesion_tracker.errors import StudyError
from lesion_tracker.studies.series_choice import SeriesQuality, assess_headers, choose, explain
from lesion_tracker.volumes.dicom_folders import (
    files_in,
    first_header,
    folders_below,
    headers_in,
    series_address,
    split_address,
    without_copies,
)
from lesion_tracker.volumes.dicom_headers import SliceHeader, read_header

INSTEAD = "name another one's folder instead of the study's"

MOST_NEIGHBOURS = 200
"""So many folders beside a series' folder are looked into for more of its files."""


def series_in(
    study: Path, *, has_lesions: bool, any_modality: bool = False, reformats: bool = False
) -> tuple[Path, str]:
    """Return the series to take of a study.

    Args:
        study: a file, a folder with the slices of one series, or one with several series in it or below it.
        has_lesions: points are given for this study; they are points of any series only in one frame of reference.
        any_modality: accept what is not CT.
        reformats: accept axial reformats.

    Returns:
        `study` itself where there is nothing to choose, else what `read_volume` takes for one series of it: a folder in
        it, or `FOLDER#UID`; and a sentence that shows the choice, or what else should be known of it, or "".

    Raises:
        StudyError: if no series can be used, or the points could belong to any of several.
    """
    if split_address(study)[1] or not study.is_dir():
        return study, ""
    qualities, places = _judged(study, any_modality, reformats)
    if len(qualities) < 2:
        only = next(iter(places.values()), study)
        return only, _rest_beside(study) if only == study else ""
    chosen = choose(qualities)
    listed = "; ".join(quality.describe() for quality in qualities)
    if chosen is None:
        raise StudyError(f"{study.name}: no usable series: {listed}")
    frames = {quality.frame_of_reference_uid for quality in qualities if not quality.problem}
    if has_lesions and (len(frames) > 1 or "" in frames) and sum(not one.problem for one in qualities) > 1:
        raise StudyError(f"{study.name}: the lesions could belong to any of the series {listed}; {INSTEAD}")
    return places[chosen.series_uid], f"{study.name}: {explain(chosen, qualities, INSTEAD)}"


def _judged(study: Path, any_modality: bool, reformats: bool) -> tuple[list[SeriesQuality], dict[str, Path]]:
    """Judge all series in and below a folder, and say what to read for each; both by what the series is called."""
    series, broken = _found(study)
    places = {_name(study, place): place for place in broken}
    qualities = {name: SeriesQuality(name, "", problem=broken[place]) for name, place in places.items()}
    for place, headers in _places(study, series, broken):
        name = _name(study, place)
        problem = next((broken[one.path.parent] for one in headers if one.path.parent in broken), "")
        places[name] = place
        qualities[name] = (
            SeriesQuality(name, headers[0].text("SeriesDescription"), problem=problem)
            if problem
            else assess_headers(name, without_copies(headers), any_modality=any_modality, reformats=reformats)
        )
    return sorted(qualities.values(), key=lambda quality: quality.series_uid), places


def _found(study: Path) -> tuple[dict[str, list[SliceHeader]], dict[Path, str]]:
    """Return the headers by series, and why a folder cannot be trusted: one of its files is damaged."""
    series: dict[str, list[SliceHeader]] = {}
    broken: dict[Path, str] = {}
    for folder in folders_below(study):
        for path in files_in(folder):
            try:
                header = read_header(path)
            except StudyError as error:
                broken.setdefault(folder, str(error))
                continue
            if header is not None:
                series.setdefault(header.series_uid, []).append(header)
    return series, broken


def _places(
    study: Path, series: Mapping[str, list[SliceHeader]], broken: Mapping[Path, str]
) -> Iterator[tuple[Path, list[SliceHeader]]]:
    """Yield what to read for each series: its folder where it has one of its own, else its address below the study."""
    owners: dict[Path, set[str]] = {}
    for uid, headers in series.items():
        for header in headers:
            owners.setdefault(header.path.parent, set()).add(uid)
    for uid, headers in series.items():
        folders = {header.path.parent for header in headers}
        if len(folders) == 1 and owners[next(iter(folders))] == {uid}:
            yield next(iter(folders)), headers
        else:
            yield (series_address(study, uid) if len(series) > 1 or broken else study), headers


def _name(study: Path, place: Path) -> str:
    """Return what a series is called in a choice: its folder's way from the study, else the name of its address."""
    return str(place.relative_to(study)) if place != study and place.is_relative_to(study) else place.name


def _rest_beside(folder: Path) -> str:
    """Say that folders beside a series' folder hold files of the same series: it may be a part of it."""
    try:
        own = first_header(folder)
        neighbours = islice((one for one in sorted(folder.parent.iterdir()) if one.is_dir()), MOST_NEIGHBOURS)
        more = [one.name for one in neighbours if own and not one.samefile(folder) and _holds(one, own.series_uid)]
    except (StudyError, OSError):  # reading it says what is wrong; what lies beside it is not asked for
        return ""
    if not more:
        return ""
    return (
        f"{folder.name}: {', '.join(more)} beside it hold{'s' if len(more) == 1 else ''} files of the same series: it may be "
        "a part of it; give the folder that holds them all"
    )


def _holds(folder: Path, series_uid: str) -> bool:
    try:
        first = next(headers_in(folder), None)
    except (StudyError, OSError):
        return False
    return first is not None and first.series_uid == series_uid
