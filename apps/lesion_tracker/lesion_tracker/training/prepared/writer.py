"""A prepared folder: written beside its place and moved there whole, so that none is ever half-written."""

import json
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from lesion_tracker.errors import FileFormatError
from lesion_tracker.files.whole import refusals_of, written_whole
from lesion_tracker.training.prepared.prepared_pair import PreparedPair
from lesion_tracker.training.prepared.prepared_study import INDEX_NAME, SCHEMA, PreparedStudy, outline_file, read_study


class PreparedWriter:
    """Writes studies and pairs one by one; the folder appears at the end of the `with` block, or not at all.

    Args:
        folder: must not exist, or be empty.
        record: what else the index says ("registration_errors_mm"); may be filled until the end.

    Raises:
        FileFormatError: if the folder holds something, cannot be made, or the disk is full.
    """

    def __init__(self, folder: Path, record: dict[str, Any]) -> None:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise FileFormatError(f"{folder} exists and is not empty; choose another folder or delete it")
        if not folder.absolute().parent.is_dir():
            raise FileFormatError(f"{folder} cannot be written: there is no folder {folder.absolute().parent}")
        self.folder = folder
        self.record = record
        self._open = ExitStack()
        self._studies: dict[str, dict[str, Any]] = {}
        self._of_pairs: dict[str, dict[str, Any]] = {}
        self._pairs: list[dict[str, Any]] = []

    def __enter__(self) -> "PreparedWriter":
        """Make the unfinished folder."""
        with refusals_of(self.folder), ExitStack() as opened:
            self._unfinished = opened.enter_context(written_whole(self.folder))
            self._unfinished.mkdir()
            self._open = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Move the folder to its place, or leave nothing behind."""
        if kind is not None:
            self._open.__exit__(kind, error, trace)
            return
        with refusals_of(self.folder), self._open:
            self._finish()

    def add(self, study: PreparedStudy) -> None:
        """Write a single study.

        Raises:
            FileFormatError: for a name that is there already, or a full disk.
        """
        self._require_new(study.name)
        self._studies[study.name] = self._write(study)

    def written(self, study: PreparedStudy) -> PreparedStudy:
        """Return a study that was added, mapped from its file: it takes no memory until it is touched."""
        return read_study(self._unfinished, self._studies[study.name])

    def add_pair(self, pair: PreparedPair) -> None:
        """Write a pair; a study that several pairs share is written once.

        Raises:
            FileFormatError: for a study's name that is taken by a single study, or a full disk.
        """
        for study in (pair.baseline, pair.followup):
            if study.name not in self._of_pairs:
                self._require_new(study.name)
                self._of_pairs[study.name] = self._write(study)
        self._pairs.append(pair.to_json())

    def _require_new(self, name: str) -> None:
        if name in self._studies or name in self._of_pairs:
            raise FileFormatError(f"two studies have the name {name!r}: rename one of the files")
        if not name or "/" in name or name.startswith("."):
            raise FileFormatError(f"{name!r} cannot be the name of a study")

    def _write(self, study: PreparedStudy) -> dict[str, Any]:
        with refusals_of(self.folder):
            np.save(self._unfinished / f"{study.name}.npy", study.volume.hu)
            np.save(self._unfinished / f"{study.name}.structure.npy", study.structure.astype(np.float16))
            for number, outline in enumerate(study.outlines, start=1):
                np.save(self._unfinished / outline_file(study.name, number), outline.inside)
        return {
            "name": study.name,
            "origin_mm": study.volume.grid.origin_mm.tolist(),
            "lesions": study.lesions.tolist(),
            "outlines": [list(outline.first_voxel) for outline in study.outlines],
        }

    def _finish(self) -> None:
        index = {
            "schema": SCHEMA,
            "studies": list(self._studies.values()),
            "pair_studies": list(self._of_pairs.values()),
            "pairs": self._pairs,
            **self.record,
        }
        if not self._studies and not self._pairs:
            raise FileFormatError("nothing was prepared: all studies were excluded, and there are no pairs")
        (self._unfinished / INDEX_NAME).write_text(json.dumps(index, indent=1, allow_nan=False), encoding="utf-8")
