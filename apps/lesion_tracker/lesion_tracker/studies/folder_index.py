"""What lies in a folder of studies: image files and DICOM series, each an entry with an id, and what is passed over.

An entry is what stands in the folder: its name says patient and date, and removing it removes that, also where it is a link
to a file elsewhere that has another name.
"""

import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lesion_tracker.errors import InputError, StudyError
from lesion_tracker.studies.series_index import SeriesIndex
from lesion_tracker.studies.study import study_id_of
from lesion_tracker.volumes.dicom_folders import is_text, of_system
from lesion_tracker.volumes.dicom_headers import read_header
from lesion_tracker.volumes.dicom_kinds import refuse_no_scan
from lesion_tracker.volumes.image_file import suffix_of

OWN_FOLDERS = frozenset({"labels"})
"""Of the server, in the folder of the studies; its others are hidden."""

LOOK_S = 1.0
"""For so long an answer counts: several parts of one request ask for it."""


@dataclass(frozen=True)
class Entry:
    """A study of a folder.

    Args:
        id: of the file: its name without the ending; of a series: its SeriesInstanceUID.
        path: what `read_volume` reads it by, as it is named in the folder; never where a link points.
        files: what is removed with it.
        problem: why nothing can be read by this id; "" where it can.
        is_series: DICOM.
    """

    id: str
    path: Path
    files: tuple[Path, ...]
    problem: str = ""
    is_series: bool = False


class FolderIndex:
    """The entries of a folder of studies; safe for threads.

    Args:
        folder: of the studies.
        kept: where what is known of DICOM series outlives the server; None: nowhere.
        any_modality: series that are not CT are entries, too.
        reformats: axial reformats are entries, too.
    """

    def __init__(
        self, folder: Path, kept: Path | None = None, *, any_modality: bool = False, reformats: bool = False
    ) -> None:
        self.folder = folder
        self._accepted = {"any_modality": any_modality, "reformats": reformats}
        self._series = SeriesIndex(folder, OWN_FOLDERS, kept)
        self._lock = threading.Lock()
        self._looked_at = -LOOK_S
        self._entries: dict[str, Entry] = {}
        self._passed_over: tuple[str, ...] = ()

    def entries(self, *, now: bool = False) -> Mapping[str, Entry]:
        """Return the entries by id.

        Args:
            now: look at the folder, also where that was done a moment ago.

        Raises:
            OSError: if the folder cannot be read.
        """
        with self._lock:
            if now or time.monotonic() - self._looked_at >= LOOK_S:
                files, passed_over = _files(self.folder)
                scans, no_scans = self._scans()
                self._entries = {**scans, **files}
                self._passed_over = (*passed_over, *self._below(), *_summary(no_scans))
                self._looked_at = time.monotonic()
            return self._entries

    def problems(self) -> list[str]:
        """Return a sentence for each entry that cannot be read, and for each file that is passed over."""
        entries = self.entries()
        broken = [f"{entry.id}: {entry.problem}" for entry in entries.values() if entry.problem]
        return [*broken, *self._passed_over]

    def _scans(self) -> tuple[dict[str, Entry], list[str]]:
        """Return the series that can be scans, and why others cannot, by the header of their first file."""
        scans, no_scans = {}, []
        for place in self._series.series().values():
            try:
                header = read_header(place.files[0])
                if header is not None:
                    refuse_no_scan([header], **self._accepted)
            except (StudyError, OSError) as error:
                no_scans.append(f"{place.uid}: {error}")
                continue
            scans[place.uid] = Entry(place.uid, place.path, place.files, place.problem, is_series=True)
        return scans, no_scans

    def _below(self) -> list[str]:
        """Say that image files in folders below are no studies, nor is what has a name that cannot be shown."""
        return [
            f"{first}{_others(names, what)} passed over: {why}"
            for names, what, why in (
                (self._series.images_below(), "image files", "image files must lie in the folder itself, not below it"),
                (self._series.unnamed(), "files and folders", "the name is no text (UTF-8): rename it"),
            )
            for first in names[:1]
        ]

    def remove(self, entry: Entry) -> None:
        """Remove an entry's files, and folders that are empty then; where one is a link, the link and not its target.

        Raises:
            InputError: for a series behind a link that leads to others, too.
            OSError: if a file cannot be removed.
        """
        link = next((one for file in entry.files for one in self._links_above(file)), None)
        if link is not None:
            self._remove_link(entry, link)
        else:
            for file in entry.files:
                file.unlink(missing_ok=True)
            for folder in {file.parent for file in entry.files}:
                self._remove_empty(folder)
        with self._lock:
            self._looked_at = -LOOK_S

    def _links_above(self, file: Path) -> list[Path]:
        """Return the folders between the studies' folder and a file that are links, the outermost first."""
        between = [folder for folder in file.parents if folder != self.folder and folder.is_relative_to(self.folder)]
        return [folder for folder in reversed(between) if folder.is_symlink()]

    def _remove_link(self, entry: Entry, link: Path) -> None:
        others = [other.id for other in self.entries().values() if other.id != entry.id]
        behind = [name for name in others if any(file.is_relative_to(link) for file in self._entries[name].files)]
        outside = [file for file in entry.files if not file.is_relative_to(link)]
        if behind or outside:
            raise InputError(
                f"{entry.id} cannot be removed from here: it lies behind the link {link.relative_to(self.folder)}, which "
                f"leads to {len(behind)} other series, too; remove it where the files are"
            )
        link.unlink()

    def _remove_empty(self, folder: Path) -> None:
        while folder != self.folder and folder.is_relative_to(self.folder):
            try:
                folder.rmdir()
            except OSError:  # something else is in it, or somebody else removed it
                return
            folder = folder.parent


def _others(names: list[str], what: str) -> str:
    return f" and {len(names) - 1} other {what}" if len(names) > 1 else ""


def _summary(no_scans: list[str]) -> list[str]:
    """Say in one sentence which series are no scans: a folder of many studies has dozens of scouts and reports."""
    if not no_scans:
        return []
    rest = f"; and {len(no_scans) - 1} more" if len(no_scans) > 1 else ""
    return [f"DICOM series that are no scans passed over: {no_scans[0]}{rest}"]


def _files(folder: Path) -> tuple[dict[str, Entry], tuple[str, ...]]:
    """Return the image files directly in a folder by id, and what is said of those that are passed over."""
    by_id: dict[str, list[Path]] = {}
    passed_over = []
    for entry in sorted(os.scandir(folder), key=lambda one: one.name):
        path = folder / entry.name
        if of_system(entry.name) or not is_text(entry.name) or not suffix_of(path) or entry.is_dir():
            continue
        if entry.is_file():
            by_id.setdefault(study_id_of(path), []).append(path)
        else:
            passed_over.append(f"{entry.name} is passed over: it is a link that leads nowhere, or no file")
    return {name: _entry(name, paths) for name, paths in by_id.items()}, tuple(passed_over)


def _entry(name: str, paths: list[Path]) -> Entry:
    if len(paths) == 1:
        return Entry(name, paths[0], (paths[0],))
    listed = " and ".join(path.name for path in paths)
    problem = f"it is {len(paths)} files, {listed}, and nobody can tell which is meant: rename one"
    return Entry(name, paths[0], (), problem)
