"""JSON files in and out: a missing, torn or wrong file says so in one sentence, and none is left half-written."""

import json
import re
from pathlib import Path
from reprlib import Repr
from typing import Any

from lesion_tracker.errors import FileFormatError
from lesion_tracker.files.whole import refusals_of, write_text

_SHORT = Repr()
_SHORT.maxlist, _SHORT.maxdict, _SHORT.maxstring, _SHORT.maxlong = 8, 6, 80, 60

HALF = re.compile(r"\\u[dD][89a-fA-F]")
"""How JSON writes half a surrogate pair; two of them are one letter."""


def parsed(text: str, **how: Any) -> Any:
    """Return what a JSON text says.

    Args:
        text: the JSON.
        how: as `json.loads` takes it.

    Raises:
        ValueError: for what is no JSON, and for half a surrogate pair in it.
    """
    data = json.loads(text, **how)
    refuse_halves(text, data)
    return data


def refuse_halves(text: str, data: Any) -> None:
    """Refuse half a surrogate pair: it is no text, and could be neither shown nor sent.

    Args:
        text: JSON, in ASCII where it was written here.
        data: what it says.

    Raises:
        ValueError: where there is one.
    """
    if HALF.search(text):
        json.dumps(data, ensure_ascii=False).encode()


def read_json(path: Path) -> Any:
    """Return the content of a JSON file; a byte order mark is passed over.

    Raises:
        FileFormatError: if there is no such file, it is no JSON, or an object in it has a key twice.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=_object)
    except FileNotFoundError:
        raise FileFormatError(f"there is no file {path}") from None
    except OSError as error:
        raise FileFormatError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:  # JSONDecodeError and UnicodeDecodeError
        raise FileFormatError(f"{path} is no JSON: {error}") from None
    except RecursionError:
        raise FileFormatError(f"{path} cannot be read: its lists or objects are nested too deeply") from None


def write_json(data: dict[str, Any], path: Path) -> None:
    """Write a JSON file at once: a reader sees the old file or the whole new one.

    Raises:
        FileFormatError: if the folder does not exist or cannot be written to.
    """
    text = json.dumps(data, indent=1, allow_nan=False) + "\n"
    with refusals_of(path):
        write_text(text, path)


def require_schema(where: str, data: object, known: int) -> None:
    """Refuse a file of another version; one that names no schema is taken for the known one.

    Args:
        where: the file, for the message.
        data: what was read.
        known: the schema that this version reads.

    Raises:
        FileFormatError: with the schema that was found.
    """
    if not isinstance(data, dict) or "schema" not in data:
        return
    found = data["schema"]
    if isinstance(found, bool) or found != known:
        raise FileFormatError(f"{where} has the unknown schema {shown(found)}; this version reads {known}")


def shown(value: object) -> str:
    """Return a value for a message, shortened where it is long or deep."""
    return _SHORT.repr(value)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for number, name in enumerate(names) if name in names[:number])
        raise ValueError(f"an object has the key {twice!r} twice")
    return found
