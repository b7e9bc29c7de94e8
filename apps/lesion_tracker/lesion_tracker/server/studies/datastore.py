"""MONAI Label's folder of studies as people have it: DICOM series, links, and files that nobody put there as studies."""

import copy
import logging
import os
import re
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from filelock import FileLock
from monailabel.datastore.local import DataModel, ImageLabelModel
from monailabel.interfaces.datastore import DefaultLabelTag

from lesion_tracker.errors import InputError, StudyError
from lesion_tracker.files.whole import remove_drafts, written_whole
from lesion_tracker.readers.study_histories import FATES_TAG, TAGS, VOLUMES
from lesion_tracker.server.studies.empty_label import require_content
from lesion_tracker.server.studies.one_at_a_time import OneAtATime
from lesion_tracker.studies.catalog import unknown_study
from lesion_tracker.studies.folder_index import Entry, FolderIndex
from lesion_tracker.studies.study import study_id_of
from lesion_tracker.volumes.dicom_folders import of_system

logger = logging.getLogger(__name__)

OWN_TAGS = (*TAGS, FATES_TAG, VOLUMES)
"""Folders of labels that are the tracker's."""

SERIES_FILE = ".nii.gz"
"""The ending under which clients get a DICOM series."""

EXTENSIONS = ("*.nii.gz", "*.nii", "*.nrrd", "*.mha", "*.mhd")

_FOLLOWING = ("status", "json", "list_images", "get_labeled_images", "get_unlabeled_images")
"""What is answered by the folder as it is now: no event tells of DICOM series that are copied into it."""


class StudyFolder(OneAtATime):
    """A LocalDatastore of image files and DICOM series.

    What is listed is what the index finds in the folder; MONAI Label's own list keeps what was said of each, and its labels.

    Args:
        index: of the folder.
        on_removed: called with the id of a study that a client removed.
        as_file: makes a NIfTI file of a DICOM series, for clients that cannot read it.
        auto_reload: follow changes of the folder.
        read_only: leave the folder's list as it is.
    """

    def __init__(
        self,
        index: FolderIndex,
        on_removed: Callable[[str], None],
        as_file: Callable[[Entry], Path],
        *,
        auto_reload: bool = True,
        read_only: bool = False,
    ) -> None:
        self._index, self._on_removed, self._as_file = index, on_removed, as_file
        self._said: set[str] = set()
        self._followed: Mapping[str, Entry] | None = None
        self._read_only = read_only
        if not read_only:
            remove_drafts(index.folder)
        super().__init__(str(index.folder), extensions=list(EXTENSIONS), auto_reload=auto_reload, read_only=read_only)

    def entry(self, image_id: str) -> Entry | None:
        """Return what stands in the folder under an id, None for an id that is not listed."""
        with self._threads:
            self._follow()
            listed = image_id in self._datastore.objects
        return self._index.entries().get(image_id) if listed else None

    def problems(self) -> list[str]:
        """Return a sentence for each entry that cannot be read, and for what is passed over."""
        return self._index.problems()

    def get_image_uri(self, image_id: str) -> str:
        """Return the path of a study's file, "" for an unknown study; of a DICOM series that of a NIfTI file of it.

        Raises:
            StudyError: for an id that nothing can be read by, or a series that is no usable CT volume.
        """
        entry = self.entry(image_id)
        if entry is None:
            return ""
        if entry.problem:
            raise StudyError(f"{image_id}: {entry.problem}")
        return str(self._as_file(entry) if entry.is_series else entry.path)

    def get_image_info(self, image_id: str) -> dict[str, Any]:
        """Return what was said of a study, and where its file lies; a series has none until it is asked for."""
        with self._threads:
            entry, listed = self.entry(image_id), self._datastore.objects.get(image_id)
            info: dict[str, Any] = copy.deepcopy(listed.image.info) if listed else {}
        info.pop("path", None)
        if entry is not None and not entry.is_series and not entry.problem:
            info["path"] = str(entry.path)
        return info

    def datalist(self, full_path: bool = True) -> list[dict[str, Any]]:
        """Return the files of all studies with a final label, and the labels."""
        entries = self._index.entries()
        names = [name for name in self.get_labeled_images() if name in entries and not entries[name].problem]
        labelled = [(self.get_image_uri(name), self.get_label_uri(name, DefaultLabelTag.FINAL)) for name in names]
        root = "" if full_path else f"{self._datastore_path.rstrip(os.sep)}{os.sep}"
        return [{"image": image.removeprefix(root), "label": label.removeprefix(root)} for image, label in labelled]

    def add_image(self, image_id: str, image_filename: str, image_info: dict[str, Any]) -> str:
        """Take a file into the folder: whole or not at all, and without holding up others while it is copied."""
        own_id, ending = self._to_id(os.path.basename(image_filename))
        name = self._filename(image_id or own_id, ending)
        target = Path(self._datastore.image_path()) / name
        with ExitStack() as alone:
            with written_whole(target) as draft:
                shutil.copy(image_filename, draft)
                self._require_room(Path(self._datastore_path), 0)
                alone.enter_context(self._threads)
                alone.enter_context(FileLock(self._lock_file))
            info = {**image_info, "ts": int(time.time()), "name": name}
            self._datastore.objects[image_id or own_id] = ImageLabelModel(image=DataModel(info=info, ext=ending))
            self._update_datastore_file(lock=False)
        self._index.entries(now=True)
        return image_id or own_id

    def remove_image(self, image_id: str) -> None:
        """Remove a study: its entry in the folder, not the file that a link points to.

        Raises:
            NotFound: for an unknown study.
            InputError: for an entry that cannot be told from others; the text says why.
        """
        entry = self.entry(image_id)
        if entry is None:
            raise unknown_study(image_id)
        if entry.problem and not entry.files:
            raise InputError(f"{image_id} cannot be removed from here: {entry.problem}")
        with self._threads:
            for tag in list(self._datastore.objects[image_id].labels):
                self.remove_label(image_id, tag)
            self._index.remove(entry)
            self._reconcile_datastore()
        self._on_removed(image_id)

    def save_label(self, image_id: str, label_filename: str, label_tag: str, label_info: dict[str, Any]) -> str:
        """Keep a label that a client submitted.

        Raises:
            NotFound: for an unknown study; nothing is kept then.
            InputError: for a tag that is no name or that belongs to the tracker, or for an empty mask; nor then.
        """
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", label_tag) or label_tag in OWN_TAGS:
            raise InputError(
                f"a label cannot be saved under the tag {label_tag!r}; {', '.join(OWN_TAGS)} are the tracker's own"
            )
        if image_id not in self.list_images():
            raise unknown_study(image_id)
        require_content(Path(label_filename), image_id)
        with self._threads:
            folder = Path(self._datastore.label_path(label_tag))
            folder.mkdir(parents=True, exist_ok=True)
            self._require_room(folder, os.stat(label_filename).st_size)  # MONAI Label copies over what is there
            return str(super().save_label(image_id, label_filename, label_tag, label_info))

    def _reconcile_datastore(self) -> None:
        """Make the list say what lies in the folder and in the folders of labels."""
        self._init_from_datastore_file()
        changed = self._list_entries(self._index.entries(now=True))
        for tag in sorted(path.name for path in Path(self._datastore.label_path(None)).iterdir() if path.is_dir()):
            changed |= bool(self._add_non_existing_labels(tag))
        for name, listed in self._datastore.objects.items():
            gone = [tag for tag in listed.labels if not os.path.exists(self.get_label_uri(name, tag))]
            for tag in gone:
                del listed.labels[tag]
            changed |= bool(gone)
        if changed and not self._read_only:
            self._update_datastore_file()
        self._say_problems()

    def _list_entries(self, entries: Mapping[str, Entry]) -> bool:
        """List the entries of the folder; say whether anything changed."""
        objects = self._datastore.objects
        gone = objects.keys() - entries.keys()
        for name in gone:
            del objects[name]
        new = {name: ending for name, ending in _endings(entries).items() if _ending_of(objects.get(name)) != ending}
        for name, ending in new.items():
            known = objects.get(name)
            info = {
                "ts": int(time.time()),
                **(known.image.info if known else {}),
                "name": f"{name}{ending or SERIES_FILE}",
            }
            labels = known.labels if known else {}
            objects[name] = ImageLabelModel(image=DataModel(info=info, ext=ending), labels=labels)
        return bool(gone or new)

    def _follow(self) -> None:
        """Look whether the folder changed since it was listed; what was compared once is not compared again."""
        entries = self._index.entries()
        if not self._auto_reload or entries is self._followed:
            return
        if _endings(entries) != {name: _ending_of(one) for name, one in self._datastore.objects.items()}:
            self._reconcile_datastore()
        self._followed = entries

    def _say_problems(self) -> None:
        """Write each problem to the log once."""
        for problem in self._index.problems():
            if problem not in self._said:
                self._said.add(problem)
                logger.warning("%s", problem)

    def _to_id(self, file: str) -> tuple[str, str]:
        """Return the id of a file's name, and its ending as it is written."""
        name = study_id_of(Path(file))
        return (name, file[len(name) :]) if name != file else super()._to_id(file)

    def _list_files(self, path: str, patterns: Sequence[str]) -> dict[str, str]:
        """Return the files of a folder of labels, without those of operating systems."""
        return {name: file for name, file in super()._list_files(path, patterns).items() if not of_system(name)}


def _endings(entries: Mapping[str, Entry]) -> dict[str, str]:
    """Return the ending of each entry's file; "" for a DICOM series."""
    return {name: "" if entry.is_series else entry.path.name[len(name) :] for name, entry in entries.items()}


def _ending_of(listed: ImageLabelModel | None) -> str | None:
    return None if listed is None else listed.image.ext


def _following(name: str) -> Any:
    def method(self: StudyFolder, *args: Any, **kwargs: Any) -> Any:
        with self._threads:
            self._follow()
            return getattr(super(StudyFolder, self), name)(*args, **kwargs)

    method.__name__ = name
    return method


for _name in _FOLLOWING:
    setattr(StudyFolder, _name, _following(_name))
