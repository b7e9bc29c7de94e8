"""What came of a cohort: a JSON a pair as soon as it is done, and at the end one table of everything."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lesion_tracker.commands.cohort.cohort_file import CohortPatient
from lesion_tracker.commands.cohort.plan import Step
from lesion_tracker.commands.evaluation_report import write_page
from lesion_tracker.errors import FileFormatError
from lesion_tracker.files.csv_text import csv_text
from lesion_tracker.files.json_file import read_json, write_json
from lesion_tracker.files.tracks_file import COLUMNS, track_row
from lesion_tracker.records.track import Track

SCHEMA = 1
PAIRS, TABLE = "pairs", "cohort.csv"
ONE_STUDY = "one study only: there is nothing to track to"
HEAD = ("patient", "way", "baseline_date", "followup_date", "error", *COLUMNS)


class ResultFolder:
    """The folder of a cohort's results; only the process that shares out the work writes here.

    Args:
        folder: made if it does not exist.

    Raises:
        FileFormatError: if it cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            (folder / PAIRS).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FileFormatError(f"the folder {folder} cannot be made: {error.strerror}") from None

    def read(self, step: Step, stamp: str) -> list[Track] | None:
        """Return a step's tracks where it is done already, from the same images, lesions and options."""
        path = self._path(step)
        if not path.exists():
            return None
        try:
            data = read_json(path)
            if not isinstance(data, dict) or data.get("stamp") != stamp or not isinstance(data.get("tracks"), list):
                return None
            return [Track.from_json(entry) for entry in data["tracks"]]
        except FileFormatError:
            return None  # torn by a full disk or an older version: the pair is tracked again

    def write(self, step: Step, stamp: str, value: Mapping[str, Any]) -> list[Track]:
        """Keep what a worker returned, and return its tracks."""
        facts = {
            "patient": step.patient,
            "way": step.way,
            "baseline": str(step.baseline.image),
            "followup": str(step.followup.image),
        }
        write_json({"schema": SCHEMA, **facts, "stamp": stamp, **value}, self._path(step))
        return [Track.from_json(entry) for entry in value["tracks"]]

    def write_table(
        self,
        steps: Sequence[Step],
        tracks: Mapping[str, list[Track]],
        errors: Mapping[str, str],
        alone: Sequence[CohortPatient] = (),
    ) -> None:
        """Write cohort.csv: a line a lesion and pair; a lesion without an answer has its error instead.

        Args:
            steps: of the cohort.
            tracks: by step.
            errors: by step that has none.
            alone: patients with one study; a line that says so.
        """
        rows: list[list[object]] = []
        for step in steps:
            found = {track.lesion_id: track for track in tracks.get(step.key, [])}
            facts = (step.patient, step.way, step.baseline.date, step.followup.date)
            for lesion in step.lesions:
                track = found.get(lesion.id)
                if track is not None:
                    rows.append([*facts, "", *track_row(track)])
                else:
                    reason = errors.get(step.key) or "the study before does not show its place"
                    known = {"lesion_id": lesion.id, "label": lesion.label}
                    rows.append([*facts, reason, *(known.get(name, "") for name in COLUMNS)])
        for patient in alone:
            line = (patient.patient, "", patient.studies[0].date, "", ONE_STUDY)
            rows.append([*line, *("" for _ in COLUMNS)])
        write_page(csv_text(HEAD, rows), self.folder / TABLE)

    def _path(self, step: Step) -> Path:
        return self.folder / PAIRS / f"{step.key}.json"
