"""Which DICOM series lie below a folder, by the headers of all its files; only what changed is read again."""

import logging
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lesion_tracker.errors import FileFormatError, StudyError
from lesion_tracker.files.json_file import read_json, write_json
from lesion_tracker.volumes.dicom_folders import is_text, of_system, series_address
from lesion_tracker.volumes.dicom_headers import read_header
from lesion_tracker.volumes.image_file import suffix_of

logger = logging.getLogger(__name__)

SCHEMA = 2
ROOT = "."
SETTLED_NS = 2_000_000_000
"""A folder that changed less than this before it was looked at is looked at again: more may follow in the same tick."""


@dataclass(frozen=True)
class SeriesPlace:
    """A series below a folder.

    Args:
        uid: SeriesInstanceUID.
        path: what `read_volume` reads it by: a folder of its own, or `FOLDER#UID`.
        files: its files, as they are named below the folder; links are not followed in their names.
        problem: why it cannot be read: one of the files beside its own is damaged. "" otherwise.
    """

    uid: str
    path: Path
    files: tuple[Path, ...]
    problem: str = ""


@dataclass
class _Known:
    """What is known of a folder: when it changed, what lies in it.

    Of each file that is no image file and whose name is text: size, time, SeriesInstanceUID ("" for one that is no DICOM),
    what is wrong.
    """

    changed_ns: int = -1
    inner: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    unnamed: tuple[str, ...] = ()
    files: dict[str, tuple[int, int, str, str]] = field(default_factory=dict)


class SeriesIndex:
    """The DICOM series below a folder; not safe for threads.

    Args:
        folder: where they lie; hidden folders and those of operating systems are passed over.
        without: folders directly in it that hold no studies.
        kept: file in which what is known outlives the server; None: it is learnt anew.
    """

    def __init__(self, folder: Path, without: frozenset[str] = frozenset(), kept: Path | None = None) -> None:
        self._folder, self._without, self._kept = folder, without, kept
        self._known: dict[str, _Known] = _load(kept) if kept else {}
        self._series: dict[str, SeriesPlace] | None = None

    def series(self) -> Mapping[str, SeriesPlace]:
        """Return all series by their UIDs, after looking which folders changed.

        Raises:
            OSError: if the folder itself cannot be read.
        """
        changed = self._look()
        if changed and self._kept is not None:
            self._keep(self._kept)
        if changed or self._series is None:
            self._series = {place.uid: place for place in self._places()}
        return self._series

    def images_below(self) -> list[str]:
        """Return the image files in folders below, which are no studies; as `series` found them last."""
        return [f"{folder}/{name}" for folder in sorted(self._known) for name in self._known[folder].images]

    def unnamed(self) -> list[str]:
        """Return what is passed over because its name is no text, as far as it is; as `series` found them last."""
        return [
            f"{folder}/{name}".removeprefix("./")
            for folder in sorted(self._known)
            for name in self._known[folder].unnamed
        ]

    def _look(self) -> bool:
        """Look at all folders, each once though links may lead there again; say whether anything changed."""
        there: set[str] = set()
        seen: set[tuple[int, int]] = set()
        waiting = [ROOT]
        changed = False
        while waiting:
            name = waiting.pop()
            try:
                status = (self._folder / name).stat()
                if (status.st_dev, status.st_ino) in seen:
                    continue
                seen.add((status.st_dev, status.st_ino))
                known = self._known.setdefault(name, _Known())
                changed |= self._look_at(name, known, status.st_mtime_ns)
            except OSError as error:
                if name == ROOT:
                    raise
                logger.warning("folder %s is passed over: %s", name, error.strerror)
                continue
            there.add(name)
            waiting += [one if name == ROOT else f"{name}/{one}" for one in reversed(known.inner)]
        gone = self._known.keys() - there
        for name in gone:
            del self._known[name]
        return changed or bool(gone)

    def _look_at(self, name: str, known: _Known, changed_ns: int) -> bool:
        """Learn what is new in one folder; files that stayed the same are not read again."""
        broken = any(problem for *_, problem in known.files.values())  # perhaps still being copied
        if known.changed_ns == changed_ns and not broken:
            return False
        before = (known.inner, known.images, known.unnamed, known.files)
        now = time.time_ns()
        found = [entry for entry in os.scandir(self._folder / name) if not of_system(entry.name)]
        entries = [entry for entry in found if is_text(entry.name)]
        unnamed = sorted(entry.name for entry in found if not is_text(entry.name))
        known.unnamed = tuple(one.encode("utf-8", "backslashreplace").decode() for one in unnamed)
        inner = sorted(entry.name for entry in entries if entry.is_dir())
        known.inner = tuple(one for one in inner if name != ROOT or one not in self._without)
        files = [entry for entry in entries if entry.is_file()]
        known.images = tuple(sorted(one.name for one in files if name != ROOT and suffix_of(Path(one.name))))
        known.files = {
            one.name: _told(one, known.files.get(one.name)) for one in files if not suffix_of(Path(one.name))
        }
        known.changed_ns = changed_ns if now - changed_ns > SETTLED_NS else -1
        return before != (known.inner, known.images, known.unnamed, known.files)

    def _places(self) -> Iterator[SeriesPlace]:
        owners: dict[str, set[str]] = {}
        files: dict[str, list[tuple[str, str]]] = {}
        problems: dict[str, str] = {}
        for folder in sorted(self._known):
            for name, (_, _, uid, problem) in sorted(self._known[folder].files.items()):
                if problem:
                    problems.setdefault(folder, problem)
                if uid:
                    owners.setdefault(folder, set()).add(uid)
                    files.setdefault(uid, []).append((folder, name))
        for uid, named in files.items():
            folders = {folder for folder, _ in named}
            problem = next((problems[folder] for folder in sorted(folders) if folder in problems), "")
            paths = tuple(Path(os.path.normpath(self._folder / folder / name)) for folder, name in named)
            yield SeriesPlace(uid, self._address(uid, folders, owners), paths, problem)

    def _address(self, uid: str, folders: set[str], owners: Mapping[str, set[str]]) -> Path:
        common = os.path.commonpath([os.path.normpath(self._folder / folder) for folder in folders])
        alone = len(folders) == 1 and all(owners.get(folder) == {uid} for folder in folders)
        return Path(common) if alone and Path(common) != self._folder else series_address(Path(common), uid)

    def _keep(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_json(
                {"schema": SCHEMA, "folders": {name: asdict(known) for name, known in self._known.items()}}, path
            )
        except (FileFormatError, OSError) as error:
            logger.warning("the list of DICOM series cannot be kept, the next start will read all headers: %s", error)


def _told(entry: "os.DirEntry[str]", before: tuple[int, int, str, str] | None) -> tuple[int, int, str, str]:
    """Return what is known of a file; one that stayed the same is not read again."""
    status = entry.stat()
    if before is not None and before[:2] == (status.st_size, status.st_mtime_ns):
        return before
    try:
        header = read_header(Path(entry.path))
        uid, problem = header.series_uid if header else "", ""
    except (StudyError, OSError) as error:
        uid, problem = "", str(error)
    return status.st_size, status.st_mtime_ns, uid, problem


def _load(path: Path) -> dict[str, _Known]:
    """Return what was kept; nothing where there is none, or where it is torn: it is learnt anew."""
    try:
        data: Any = read_json(path)
        if data["schema"] != SCHEMA:
            return {}
        return {
            str(name): _Known(
                int(one["changed_ns"]),
                tuple(map(str, one["inner"])),
                tuple(map(str, one["images"])),
                tuple(map(str, one["unnamed"])),
                {str(file): (int(a), int(b), str(uid), str(why)) for file, (a, b, uid, why) in one["files"].items()},
            )
            for name, one in data["folders"].items()
        }
    except (FileFormatError, KeyError, TypeError, ValueError, AttributeError):
        return {}
