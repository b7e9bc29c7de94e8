"""JSON files in and out: a missing, torn or wrong file says so in one sentence, and none is left half-written."""

import json
import os
from pathlib import Path
from typing import Any

from lib.errors import FileFormatError


def read_json(path: Path) -> Any:
    """Return the content of a JSON file.

    Raises:
        FileFormatError: if there is no such file, or it is no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FileFormatError(f"there is no file {path}") from None
    except OSError as error:
        raise FileFormatError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:  # JSONDecodeError and UnicodeDecodeError
        raise FileFormatError(f"{path} is no JSON: {error}") from None


def write_json(data: dict[str, Any], path: Path) -> None:
    """Write a JSON file at once: a reader sees the old file or the whole new one.

    Raises:
        FileFormatError: if the folder does not exist or cannot be written to.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        unfinished.write_text(json.dumps(data, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        os.replace(unfinished, path)
    except OSError as error:
        raise FileFormatError(f"{path} cannot be written: {error.strerror}") from None


def require_keys(where: str, entry: object, required: set[str], optional: set[str]) -> dict[str, Any]:
    """Return `entry` as a dict that has all `required` keys and no unknown one.

    Args:
        where: the file and the entry's number, for the message.
        entry: what was read.
        required: keys that must be there.
        optional: keys that may be there.

    Raises:
        FileFormatError: if it is no JSON object, or names a key too few or too many.
    """
    if not isinstance(entry, dict):
        raise FileFormatError(f"{where} must be a JSON object, got {type(entry).__name__}")
    missing, unknown = sorted(required - entry.keys()), sorted(entry.keys() - required - optional)
    if missing:
        raise FileFormatError(f"{where} lacks {_quoted(missing)}; it has {_quoted(sorted(entry)) or 'nothing'}")
    if unknown:
        raise FileFormatError(
            f"{where} has the unknown key {_quoted(unknown)}; known are {_quoted(sorted(required | optional))}"
        )
    return entry


def require_list(where: str, entry: object) -> list[Any]:
    """Return `entry` as a list with at least one element.

    Raises:
        FileFormatError: if it is no list, or an empty one.
    """
    if not isinstance(entry, list):
        raise FileFormatError(f"{where} must be a list, got {type(entry).__name__}")
    if not entry:
        raise FileFormatError(f"{where} is empty")
    return entry


def _quoted(names: list[str]) -> str:
    return ", ".join(repr(name) for name in names)
