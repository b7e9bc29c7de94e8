"""Answers of either kind of file: a scores.json of this product, or a DLS file of the paper."""

from pathlib import Path

from lesion_tracker.files.json_file import read_json
from lesion_tracker.paper.dls_file import DEFAULT_KEY, read_dls
from lesion_tracker.scoring.answers import Answer
from lesion_tracker.scoring.scores_file import is_scores, read_scores


def read_answers(path: Path, key: str = DEFAULT_KEY) -> list[Answer]:
    """Read answers from a scores.json, or from either form of a DLS file.

    Args:
        path: the file.
        key: which centre of a DLS file is the answer; a scores.json has only its own.

    Raises:
        FileFormatError: for a missing or wrong file, with the entry's number and key.
    """
    return read_scores(path) if is_scores(read_json(path)) else read_dls(path, key)
