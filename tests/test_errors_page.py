"""docs/errors.md against the code: each text on the page is one that the program says, each refusal is on the page."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from lesion_tracker import errors
from lesion_tracker.server.errors import STATUS
from tests.test_import_order import PACKAGE

ROOT = Path(__file__).parents[1]
APP = PACKAGE.parent
PAGE = (ROOT / "docs" / "errors.md").read_text()
OPEN = "…"
"""What differs from case to case, on the page and here."""

REFUSALS = {name for name, kind in vars(errors).items() if isinstance(kind, type)} | {
    *("HTTPException", "ServerError", "BrokenProcess"),
}
SHORTEST = 14
"""Fewer letters of a text say nothing: it is made of others' texts."""


def _fold(node: ast.expr) -> str:
    """Return the text of an expression, with `…` for what is only known when it runs."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_fold(part) for part in node.values)
    if isinstance(node, ast.BinOp):
        return _fold(node.left) + _fold(node.right)
    return OPEN


def _sources() -> list[Path]:
    clients = APP / "clients"
    return [*PACKAGE.rglob("*.py"), *clients.rglob("*.py")]


@cache
def _texts() -> list[str]:
    """Return every text in the program, and the pages and scripts that browsers load."""
    found = []
    for path in _sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp):
                found.append(_fold(node))
    pages = [path for ending in ("js", "html") for path in APP.rglob(f"*.{ending}")]
    return [text for text in found if text.strip(OPEN)] + [path.read_text() for path in pages]


def _refused() -> dict[str, str]:
    """Return the text of every refusal that the program raises, with its place."""
    found = {}
    for path in _sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                name = getattr(node.exc.func, "id", "")
                details = [word.value for word in node.exc.keywords if word.arg == "detail"]
                text = _fold((details or node.exc.args or [ast.Constant("")])[0])
                if name in REFUSALS and len(text.replace(OPEN, "").strip(" :;,.")) >= SHORTEST:
                    found[text] = f"{path.relative_to(APP)}:{node.lineno}"
    return found


def _logged() -> dict[str, str]:
    """Return the text of every warning and error that goes to the log, with its place."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in ("warning", "error")
                and getattr(node.func.value, "id", "") == "logger"
            ):
                text = re.sub(r"%\.?\d*[sdfrg]", OPEN, _fold(node.args[0]))
                if len(text.replace(OPEN, "").strip(" :;,.()")) >= SHORTEST:
                    found[text] = f"{path.relative_to(APP)}:{node.lineno}"
    return found


def _patterns() -> list[str]:
    """Return the texts of the first column of all tables but those of codes."""
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    return [pattern for row in rows for pattern in re.findall(r"`([^`]+)`", row.split(" | ")[0])]


def _says(text: str, pattern: str) -> bool:
    """Say whether the pieces of a pattern stand in a text, in their order."""
    place = 0
    for piece in (piece.strip() for piece in pattern.split(OPEN)):
        place = text.find(piece, place)
        if place < 0:
            return False
        place += len(piece)
    return True


PATTERNS = _patterns()
REFUSED = _refused()
LOGGED = _logged()


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_text_on_the_page_is_one_that_the_program_says(pattern: str) -> None:
    assert any(_says(text, pattern) for text in _texts()), "no text of the program is like this"


@pytest.mark.parametrize("text", REFUSED)
def test_a_refusal_of_the_program_is_on_the_page(text: str) -> None:
    assert any(_says(text, pattern) for pattern in PATTERNS), f"docs/errors.md lacks {text!r} ({REFUSED[text]})"


@pytest.mark.parametrize("text", LOGGED)
def test_a_warning_in_the_log_is_on_the_page(text: str) -> None:
    assert any(_says(text, pattern) for pattern in PATTERNS), f"docs/errors.md lacks {text!r} ({LOGGED[text]})"


def test_the_page_is_read_as_it_is_meant() -> None:
    assert len(PATTERNS) > 200
    assert len(REFUSED) > 200
    assert len(LOGGED) > 15
    assert not _says("the disk is full", "the disk … is read-only")
    assert _says("no study 'x' in this datastore: upload it", "no study … in this datastore")


def test_the_page_names_every_code_that_the_program_answers() -> None:
    codes = {str(status) for _, status in STATUS}
    for path in PACKAGE.rglob("*.py"):
        codes |= set(re.findall(r"HTTPException\(\s*(\d{3})\b", path.read_text()))
    assert codes
    named = set(re.findall(r"^\| (\d{3}) \|", PAGE, re.MULTILINE))
    assert codes <= named
