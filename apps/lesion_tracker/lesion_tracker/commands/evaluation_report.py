"""What every evaluation leaves: scores.json, and with --report a folder with a Markdown page and figures."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lesion_tracker.errors import FileFormatError
from lesion_tracker.files.json_file import write_json
from lesion_tracker.files.whole import refusals_of, write_text
from lesion_tracker.report.evaluation_figures import write_figures
from lesion_tracker.report.evaluation_table import evaluation_markdown
from lesion_tracker.scoring.answers import Answer

PAGE = "scores.md"


def add_report_argument(parser: argparse.ArgumentParser) -> None:
    """Add --report."""
    parser.add_argument("--report", type=Path, metavar="FOLDER", help=f"write {PAGE} and three figures there")


def require_report_folder(folder: Path | None) -> None:
    """Make the folder of the report before the work, and not after it.

    Raises:
        FileFormatError: if it cannot be made.
    """
    if folder is None:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileFormatError(f"the folder {folder} cannot be made: {error.strerror}") from None


def write_evaluation(
    out: Path, folder: Path | None, data: Mapping[str, Any], answers: Sequence[Answer], title: str
) -> None:
    """Write scores.json, and the page and figures where a folder is given."""
    write_json(dict(data), out)
    if folder is not None:
        write_page(evaluation_markdown(data, title), folder / PAGE)
        write_figures(folder, {str(data["method"]): answers})


def write_page(text: str, path: Path) -> None:
    """Write a page or table of results at once.

    Raises:
        FileFormatError: if the folder does not exist or cannot be written to.
    """
    with refusals_of(path):
        write_text(text, path)
