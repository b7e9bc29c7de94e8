"""MONAI Label's folder of studies, made safe for several threads and for names that are no file names."""

import json
import os
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Any

from filelock import FileLock
from monailabel.datastore.local import DataModel, ImageLabelModel, LocalDatastore

from lesion_tracker.errors import InputError
from lesion_tracker.files.whole import remove_drafts, write_text, written_whole
from lesion_tracker.readers.mark_store import TAGS
from lesion_tracker.server.studies.empty_label import require_content
from lesion_tracker.studies.catalog import unknown_study

ROOM_BYTES = 65_536
"""What one more study may add to the list of the studies, with room to spare."""

EXTENSIONS = ("*.nii.gz", "*.nii", "*.nrrd", "*.mha", "*.mhd")

_WRITES = ("remove_label", "update_image_info", "update_label_info")
"""What MONAI Label's own routes ask for; a disk that is full or read-only is answered as everywhere else."""

_ONE_AT_A_TIME = (
    "refresh",
    "datalist",
    "status",
    "json",
    "get_image_uri",
    "get_image_info",
    "get_label_uri",
    "get_label_info",
    "list_images",
    "get_labeled_images",
    "get_unlabeled_images",
    "get_labels_by_image_id",
    "_on_any_event",
    "_on_modify_event",
)


class StudyFolder(LocalDatastore):
    """A LocalDatastore whose methods run one at a time.

    MONAI Label rebuilds the list of studies on each file event: another thread would see it empty for a moment.

    Args:
        folder: the studies.
        on_removed: called with the id of a study that a client removed.
        auto_reload: follow changes of the folder.
        read_only: leave the folder's list as it is.
    """

    def __init__(
        self,
        folder: str,
        on_removed: Callable[[str], None],
        *,
        auto_reload: bool = True,
        read_only: bool = False,
    ) -> None:
        self._threads = threading.RLock()
        self._on_removed = on_removed
        if not read_only:
            remove_drafts(Path(folder))
        super().__init__(folder, extensions=list(EXTENSIONS), auto_reload=auto_reload, read_only=read_only)

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
        return image_id or own_id

    def remove_image(self, image_id: str) -> None:
        """Remove a study.

        Raises:
            NotFound: for an unknown study.
        """
        if image_id not in self.list_images():
            raise unknown_study(image_id)
        with self._threads:
            super().remove_image(image_id)
        self._on_removed(image_id)

    def save_label(self, image_id: str, label_filename: str, label_tag: str, label_info: dict[str, Any]) -> str:
        """Keep a label that a client submitted.

        Raises:
            NotFound: for an unknown study; nothing is kept then.
            InputError: for a tag that is no name or that belongs to the tracker, or for an empty mask; nor then.
        """
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", label_tag) or label_tag in TAGS:
            raise InputError(
                f"a label cannot be saved under the tag {label_tag!r}; {', '.join(TAGS)} are the tracker's own"
            )
        if image_id not in self.list_images():
            raise unknown_study(image_id)
        require_content(Path(label_filename), image_id)
        with self._threads:
            folder = Path(self._datastore.label_path(label_tag))
            folder.mkdir(parents=True, exist_ok=True)
            self._require_room(folder, os.stat(label_filename).st_size)  # MONAI Label copies over what is there
            return str(super().save_label(image_id, label_filename, label_tag, label_info))

    def _require_room(self, folder: Path, size: int) -> None:
        """Raise OSError unless a folder has room for `size` more bytes and for a new list of the studies."""
        known = os.stat(self._datastore_config_path).st_size if os.path.exists(self._datastore_config_path) else 0
        with tempfile.TemporaryFile(dir=folder) as file:
            os.posix_fallocate(file.fileno(), 0, size + known + ROOM_BYTES)

    def _update_datastore_file(self, lock: bool = True) -> None:
        """Write the list of the studies in one step: half a list would keep the server from starting again."""
        target = Path(self._datastore_config_path)
        with self._threads, FileLock(self._lock_file) if lock else nullcontext():
            content = self._datastore.model_dump(exclude={"base_path"})
            write_text(json.dumps(content, indent=2, default=str), target, durable=True)
            self._config_ts = os.stat(target).st_mtime


def _one_at_a_time(name: str) -> Any:
    def method(self: StudyFolder, *args: Any, **kwargs: Any) -> Any:
        with self._threads:
            return getattr(super(StudyFolder, self), name)(*args, **kwargs)

    method.__name__ = name
    return method


def _write(name: str) -> Any:
    one_at_a_time = _one_at_a_time(name)

    def method(self: StudyFolder, *args: Any, **kwargs: Any) -> Any:
        with self._threads:
            before = self._datastore.model_copy(deep=True)
            try:
                return one_at_a_time(self, *args, **kwargs)
            except OSError:
                self._datastore = before
                raise

    method.__name__ = name
    return method


for _name in _ONE_AT_A_TIME:
    setattr(StudyFolder, _name, _one_at_a_time(_name))
for _name in _WRITES:
    setattr(StudyFolder, _name, _write(_name))
