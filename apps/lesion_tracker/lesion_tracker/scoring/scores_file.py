"""scores.json: the scores of an evaluation, the mean seconds of a pair, every lesion's error, and what made them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ConfigDict, Field

from lesion_tracker.errors import FileFormatError
from lesion_tracker.files.json_file import read_json, require_schema
from lesion_tracker.files.json_model import Entries, Entry, Number, NumberOrNone, Triple, checked
from lesion_tracker.scoring.answers import MISSED, Answer
from lesion_tracker.scoring.cpm import Scores
from lesion_tracker.scoring.looser import LooserHits
from lesion_tracker.scoring.summary import scores_of, summary

SCHEMA = 1
STAGES = ("load", "registration", "network", "total")


def evaluation_json(
    answers: Sequence[Answer],
    method: str,
    seconds: Sequence[Mapping[str, float]],
    provenance: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the whole content of scores.json.

    Args:
        answers: at least one; their ids differ.
        method: how they were tracked, or the key that was scored.
        seconds: per pair, by stage (load, registration, network, total); a stage that is not named counts 0.
        provenance: versions, command, hashes.
    """
    errors_mm = {answer.id: None if answer.missed else answer.distance_mm for answer in answers}
    return {
        **scores_json(scores_of(answers), method, seconds, errors_mm),
        **summary(answers),
        "provenance": dict(provenance),
        "lesions": [answer.to_json() for answer in answers],
    }


def scores_json(
    scores: Scores, method: str, seconds: Sequence[Mapping[str, float]], errors_mm: Mapping[str, float | None]
) -> dict[str, Any]:
    """Return the core of scores.json.

    Args:
        scores: of all lesions.
        method: how they were tracked, or the key that was scored.
        seconds: per pair, by stage (load, registration, network, total); a stage that is not named counts 0.
        errors_mm: Euclidean error of each lesion, mm; None without an answer.
    """
    return {
        "schema": SCHEMA,
        **scores.to_json(),
        "method": method,
        "seconds": mean_seconds(seconds),
        "errors_mm": dict(errors_mm),
    }


def mean_seconds(seconds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the mean of each stage over all pairs, in seconds; 0 without pairs."""
    return {stage: float(np.mean([pair.get(stage, 0.0) for pair in seconds])) if seconds else 0.0 for stage in STAGES}


def is_scores(data: object) -> bool:
    """Say whether the content of a JSON file is that of a scores.json."""
    return isinstance(data, dict) and "errors_mm" in data


class _ScoresFile(Entry):
    model_config = ConfigDict(extra="ignore")

    lesions: Entries


class _LooserEntry(Entry):
    uae_in_box: bool = Field(description="true or false")
    uae_within_10mm: bool = Field(description="true or false")
    tlt_in_diagonal: bool = Field(description="true or false")
    tlt_within_10_voxels: bool = Field(description="true or false")


class _AnswerEntry(Entry):
    id: str = Field(description="a text")
    difference_mm: Triple | None = Field(description="three finite numbers")
    radius_mm: Number
    patient: str = Field("", description="a text")
    slice_mm: NumberOrNone = None
    direction: str = Field("unknown", description="a text")
    prior_mm: NumberOrNone = None
    confidence: NumberOrNone = None
    seconds: NumberOrNone = None
    shift: int = Field(0, description="a whole number")
    looser: Any = None


def read_scores(path: Path) -> list[Answer]:
    """Read the answers of a scores.json.

    Raises:
        FileFormatError: for a missing or wrong file, with the entry's number and key.
    """
    data = read_json(path)
    if isinstance(data, dict) and "schema" not in data:
        raise FileFormatError(f"{path} lacks 'schema'; this version reads {SCHEMA}")
    require_schema(str(path), data, SCHEMA)
    if isinstance(data, dict) and "lesions" not in data:
        raise FileFormatError(f"{path} lacks 'lesions': it was written by an older version; evaluate again")
    rows = checked(_ScoresFile, data, path).lesions
    answers = [_answer(f"{path}: lesion {number}", row) for number, row in enumerate(rows, start=1)]
    if len({answer.id for answer in answers}) < len(answers):
        raise FileFormatError(f"{path}: two lesions have the same id")
    return answers


def _answer(where: str, row: object) -> Answer:
    values = checked(_AnswerEntry, row, where).model_dump()
    looser = None
    if values["looser"] is not None:
        looser = LooserHits(**checked(_LooserEntry, values["looser"], f"{where}: 'looser'").model_dump())
    try:
        difference = MISSED if values["difference_mm"] is None else np.array(values["difference_mm"])
        return Answer(**{**values, "difference_mm": difference, "looser": looser})
    except ValueError as error:
        raise FileFormatError(f"{where}: {error}") from None
