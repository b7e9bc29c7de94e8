"""MONAI Label's folder of studies, made safe for several threads and for disks that are full."""

import json
import logging
import os
import tempfile
import threading
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from filelock import FileLock
from monailabel.datastore.local import LocalDatastore, LocalDatastoreModel

from lesion_tracker.errors import InputError
from lesion_tracker.files.whole import write_text
from lesion_tracker.volumes.dicom_folders import is_text

logger = logging.getLogger(__name__)

ROOM_BYTES = 65_536
"""What one more study may add to the list of the studies, with room to spare."""

_WRITES = ("remove_label", "update_image_info", "update_label_info")
"""What MONAI Label's own routes ask for; a disk that is full or read-only is answered as everywhere else."""

_READS = (
    "refresh",
    "status",
    "json",
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


class OneAtATime(LocalDatastore):
    """A LocalDatastore whose methods run one at a time.

    MONAI Label rebuilds the list of studies on each file event: another thread would see it empty for a moment.
    """

    _config_ts: float

    def __init__(self, folder: str, **options: Any) -> None:
        self._threads = threading.RLock()
        super().__init__(folder, **options)

    def _require_room(self, folder: Path, size: int) -> None:
        """Raise OSError unless a folder has room for `size` more bytes and for a new list of the studies."""
        known = os.stat(self._datastore_config_path).st_size if os.path.exists(self._datastore_config_path) else 0
        with tempfile.TemporaryFile(dir=folder) as file:
            os.posix_fallocate(file.fileno(), 0, size + known + ROOM_BYTES)

    def _init_from_datastore_file(self, throw_exception: bool = False) -> None:
        """Read the list of the studies where it has changed; names that are no text, which older versions listed, are left out.

        Raises:
            InputError: for a damaged list, where `throw_exception` says so: when the server starts.
        """
        path = Path(self._datastore_config_path)
        with self._threads, FileLock(self._lock_file):
            written_at = path.stat().st_mtime if path.exists() else self._config_ts
            if written_at == self._config_ts:
                return
            try:
                listed = json.loads(path.read_text(encoding="utf-8"))
                listed["objects"] = {name: one for name, one in listed["objects"].items() if is_text(name)}
                self._datastore = LocalDatastoreModel.model_validate_json(json.dumps(listed))
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                reason = (
                    f"{path}, the list of the studies, is damaged ({str(error).splitlines()[0]}): restore it from a copy, or "
                    "remove it: it is made again, without what uploads said of patients and dates"
                )
                if throw_exception:
                    raise InputError(reason) from None
                logger.error("%s", reason)
                return
            self._datastore.base_path = self._datastore_path
            self._config_ts = written_at

    def _update_datastore_file(self, lock: bool = True) -> None:
        """Write the list of the studies in one step: half a list would keep the server from starting again."""
        target = Path(self._datastore_config_path)
        with self._threads, FileLock(self._lock_file) if lock else nullcontext():
            content = self._datastore.model_dump(exclude={"base_path"})
            write_text(json.dumps(content, indent=2, default=str), target, durable=True)
            self._config_ts = os.stat(target).st_mtime


def _one_at_a_time(name: str) -> Any:
    def method(self: OneAtATime, *args: Any, **kwargs: Any) -> Any:
        with self._threads:
            return getattr(super(OneAtATime, self), name)(*args, **kwargs)

    method.__name__ = name
    return method


def _write(name: str) -> Any:
    one_at_a_time = _one_at_a_time(name)

    def method(self: OneAtATime, *args: Any, **kwargs: Any) -> Any:
        with self._threads:
            before = self._datastore.model_copy(deep=True)
            try:
                return one_at_a_time(self, *args, **kwargs)
            except OSError:
                self._datastore = before
                raise

    method.__name__ = name
    return method


for _name in _READS:
    setattr(OneAtATime, _name, _one_at_a_time(_name))
for _name in _WRITES:
    setattr(OneAtATime, _name, _write(_name))
