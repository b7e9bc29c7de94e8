"""What was known of a PACS's series when it was opened: it still counts when the PACS no longer has the series."""

import json
import threading
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lesion_tracker.errors import FileFormatError
from lesion_tracker.files.whole import remove_drafts, write_text
from lesion_tracker.studies.study import Study

SCHEMA = 1
FIELDS = (
    *("patient_id", "issuer", "patient_name", "sex", "birth_date"),
    *("study_date", "study_time", "acquisition_time", "series"),
    *("study_uid", "series_uid", "frame_of_reference_uid"),
)


class SeriesRecords:
    """One small JSON file a series, written whole or not at all.

    Args:
        folder: of the files; made if it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        remove_drafts(folder)

    def keep(self, study: Study) -> None:
        """Keep what is known of a series; what a reader said of it stays."""
        known = self._read(study.id)
        fields = {name: value for name, value in asdict(study).items() if name in FIELDS}
        new = {"schema": SCHEMA, "study": fields, "given": known.get("given", {})}
        if new != known:
            self._write(study.id, new)

    def give(self, series_uid: str, info: Mapping[str, Any]) -> None:
        """Keep what a reader or client says of a series (patient, date, …)."""
        known = self._read(series_uid)
        given = {**known.get("given", {}), **info}
        self._write(series_uid, {"schema": SCHEMA, "study": known.get("study", {}), "given": given})

    def given(self, series_uid: str) -> dict[str, Any]:
        """Return what readers and clients said of a series."""
        return dict(self._read(series_uid).get("given", {}))

    def study(self, series_uid: str, path: Path) -> Study | None:
        """Return a series as it was when it was last opened, or None if it never was.

        Args:
            series_uid: SeriesInstanceUID.
            path: where its files lie, or lay.
        """
        fields = self._read(series_uid).get("study")
        if not fields:
            return None
        known = {name: str(fields.get(name, "")) for name in FIELDS}
        return Study(id=series_uid, path=path, source="dicom", patient_source="dicom", **known)

    def ids(self) -> list[str]:
        """Return the SeriesInstanceUIDs of all series that were ever opened."""
        return sorted(path.name.removesuffix(".json") for path in self._folder.glob("*.json"))

    def _read(self, series_uid: str) -> dict[str, Any]:
        path = self._folder / f"{series_uid}.json"
        try:
            known = json.loads(path.read_text())
        except FileNotFoundError:
            return {}
        except ValueError:
            raise FileFormatError(f"{path}: damaged; remove it, it is made again when the series is opened") from None
        if not isinstance(known, dict) or known.get("schema") != SCHEMA:
            raise FileFormatError(f"{path}: not a record of schema {SCHEMA}")
        return known

    def _write(self, series_uid: str, record: Mapping[str, Any]) -> None:
        with self._lock:
            write_text(json.dumps(record, allow_nan=False), self._folder / f"{series_uid}.json", durable=True)
