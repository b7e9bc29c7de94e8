"""Where the files of a series lie: in a folder, in several folders below it, or among those of other series.

Exports to discs spread a series over folders of at most so many files, or put all series into one. `FOLDER#UID` names the
files below a folder that are of one series.
"""

import filecmp
from collections.abc import Iterator
from pathlib import Path

from lesion_tracker.errors import StudyError
from lesion_tracker.volumes.dicom_headers import UID, SliceHeader, read_header

SYSTEM_FILES = frozenset({"dicomdir", "thumbs.db", "desktop.ini"})
"""The table of contents of a disc, and what Windows leaves behind; in lower case."""


def of_system(name: str) -> bool:
    """Say whether a file or folder is hidden or an operating system's own: `._x`, `.DS_Store`, `Thumbs.db`, `__MACOSX`."""
    return name.startswith(".") or name.lower() in SYSTEM_FILES or name == "__MACOSX"


def is_text(name: str) -> bool:
    """Say whether a file's name is UTF-8: Linux takes any bytes, and what is no text can be neither shown nor sent."""
    return not any("\ud800" <= letter <= "\udfff" for letter in name)


def series_address(folder: Path, series_uid: str) -> Path:
    """Return the name of the files below a folder that are of one series."""
    return folder.with_name(f"{folder.name}#{series_uid}")


def split_address(path: Path) -> tuple[Path, str]:
    """Return the folder and the SeriesInstanceUID of `FOLDER#UID`; "" where the path names no series."""
    name, _, uid = path.name.rpartition("#")
    if name and UID.fullmatch(uid) and not path.exists() and path.with_name(name).is_dir():
        return path.with_name(name), uid
    return path, ""


def read_headers(path: Path) -> list[SliceHeader]:
    """Read the headers of a series' files.

    Args:
        path: a folder: the files in it, and those of the same series in folders below it; where none lie in it directly,
            all that lie below it. Or `FOLDER#UID`: the files of that series, wherever they lie below the folder.

    Returns:
        Sorted by folder and file name; of a series that was named, or whose files lie in several folders, without
        copies. Files without the DICOM mark are passed over, unless they claim to be DICOM by their ending.

    Raises:
        StudyError: for a folder without DICOM files, or a damaged one among them.
    """
    folder, series_uid = split_address(path)
    if series_uid:
        found = [header for header in headers_below(folder) if header.series_uid == series_uid]
        if not found:
            raise StudyError(f"no file below the folder is of series {series_uid}")
        return without_copies(found)
    direct = list(headers_in(folder))
    uids = {header.series_uid for header in direct}
    if len(uids) > 1:
        return direct
    found = [*direct, *(one for inner in _folders_in(folder) for one in _parts(inner, uids))]
    if not found:
        inner = [entry.name for entry in _folders_in(folder)]
        hint = f"; it has the subfolders {', '.join(inner[:5])}: give one of them" if inner else ""
        raise StudyError(f"the folder holds no DICOM images ({len(list(files_in(folder)))} files){hint}")
    return without_copies(found)


def headers_below(folder: Path) -> Iterator[SliceHeader]:
    """Yield the headers of all DICOM files in a folder and below it.

    Raises:
        StudyError: for a damaged file.
    """
    for one in folders_below(folder):
        yield from headers_in(one)


def headers_in(folder: Path) -> Iterator[SliceHeader]:
    """Yield the headers of the DICOM files directly in a folder, sorted by name.

    Raises:
        StudyError: for a damaged file.
    """
    for path in files_in(folder):
        header = read_header(path)
        if header is not None:
            yield header


def folders_below(folder: Path) -> Iterator[Path]:
    """Yield a folder and all folders below it, without hidden ones, each once though links may lead there again."""
    seen: set[Path] = set()
    waiting = [folder]
    while waiting:
        one = waiting.pop()
        if (real := one.resolve()) not in seen:
            seen.add(real)
            yield one
            waiting += reversed(_folders_in(one))


def files_in(folder: Path) -> list[Path]:
    """Return the files directly in a folder, sorted, without hidden ones and those of operating systems."""
    return sorted(entry for entry in folder.iterdir() if entry.is_file() and not of_system(entry.name))


def first_header(path: Path) -> SliceHeader | None:
    """Return the header of the first file of a series, in a folder or else below it, or None.

    Raises:
        StudyError: for a damaged file before it.
    """
    folder, series_uid = split_address(path)
    return next((one for one in headers_below(folder) if series_uid in ("", one.series_uid)), None)


def without_copies(headers: list[SliceHeader]) -> list[SliceHeader]:
    """Leave out files that are copies, byte for byte, of a file of the same instance in another folder."""
    kept: dict[str, SliceHeader] = {}
    others: list[SliceHeader] = []
    for header in headers:
        first = kept.setdefault(header.text("SOPInstanceUID") or str(header.path), header)
        in_another = first.path.parent != header.path.parent
        if first is not header and not (in_another and filecmp.cmp(first.path, header.path, shallow=False)):
            others.append(header)
    chosen = {id(header) for header in [*kept.values(), *others]}
    return [header for header in headers if id(header) in chosen]


def _parts(folder: Path, uids: set[str]) -> list[SliceHeader]:
    """Return the headers of what lies in and below a folder; if `uids` names a series, only its own files.

    A folder whose first file is of another series is then not looked into.
    """
    if not uids:
        return list(headers_below(folder))
    found: list[SliceHeader] = []
    for one in folders_below(folder):
        if next((header.series_uid for header in headers_in(one)), "") in uids:
            found += [header for header in headers_in(one) if header.series_uid in uids]
    return found


def _folders_in(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if entry.is_dir() and not of_system(entry.name))
