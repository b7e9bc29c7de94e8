"""The app's folder that an installed server keeps for itself, because it writes there: logs, and weights that it learned."""

import hashlib
from pathlib import Path

from lesion_tracker import __version__
from lesion_tracker.errors import InputError
from lesion_tracker.files.json_file import read_json, write_json
from lesion_tracker.files.whole import write_bytes
from lesion_tracker.places import APP

NOTE = ".lesion-tracker.json"
"""What was put there: the version of the package, and the SHA-256 of each file."""

ENTRY = "main.py"
WEIGHTS, CARD = "model/weights.safetensors", "model/card.json"
POINTER = "model/published.json"
SCHEMA = 1


def is_somebodys_own(app: Path) -> bool:
    """Say whether an app's folder was not made here, but copied or written: it is served as it is."""
    return (app / ENTRY).is_file() and not (app / NOTE).is_file()


def bring_up_to_date(app: Path) -> list[str]:
    """Make an app's folder from this package, or bring the one that an earlier version made up to this version.

    What was changed there by hand stays as it is, and weights that were published there stay published.

    Args:
        app: made here before, empty, or not there.

    Returns:
        Sentences for whoever starts the server: where the package's newer files do not count.

    Raises:
        InputError: if the folder holds other things, or cannot be written to.
    """
    try:
        if app.exists() and not (app / NOTE).is_file() and any(app.iterdir()):
            raise InputError(f"{app} holds other things: name a new folder for the app, or an empty one")
        app.mkdir(parents=True, exist_ok=True)
        return _bring_up_to_date(app)
    except OSError as error:
        raise InputError(
            f"the app's folder {app} cannot be written to: {error.strerror or error}; name another one, --app FOLDER"
        ) from None


def _bring_up_to_date(app: Path) -> list[str]:
    before = read_json(app / NOTE)["files"] if (app / NOTE).is_file() else {}
    wanted = {name: _hash(APP / name) for name in _shipped()}
    there = {name: _hash(app / name) for name in before.keys() | wanted.keys()}
    by_hand = {name for name, found in there.items() if found not in ("", before.get(name), wanted.get(name))}
    if by_hand & {WEIGHTS, CARD}:
        by_hand |= {WEIGHTS, CARD}
    late = {name for name in wanted.keys() - by_hand if there[name] != wanted[name]}
    for name in sorted(late, key=lambda name: (name == CARD, name)):  # a server that runs on it notices the seam
        (app / name).parent.mkdir(parents=True, exist_ok=True)
        write_bytes((APP / name).read_bytes(), app / name, durable=True)
    for name in before.keys() - wanted.keys() - by_hand:
        (app / name).unlink(missing_ok=True)
    put = {name: wanted[name] for name in wanted.keys() - by_hand} | {n: before[n] for n in by_hand & before.keys()}
    write_json({"schema": SCHEMA, "version": __version__, "files": dict(sorted(put.items()))}, app / NOTE)
    said = [f"{app / name} was changed by hand and is kept" for name in sorted(by_hand & wanted.keys())]
    if WEIGHTS in late and (app / POINTER).is_file():
        said.append(f"the weights that were published in {app / 'model'} go on answering, not the package's newer ones")
    return said


def _shipped() -> list[str]:
    """Return the files of the app's folder that a server needs, as they are named in it."""
    model = [path for path in (APP / "model").iterdir() if path.is_file() and path != APP / POINTER]
    beside = [
        path for folder in ("clients", "model/validation") for path in (APP / folder).rglob("*") if path.is_file()
    ]
    files = [APP / ENTRY, *model, *beside]
    return sorted(
        path.relative_to(APP).as_posix()
        for path in files
        if "__pycache__" not in path.parts and not path.name.startswith(".")
    )


def _hash(path: Path) -> str:
    """Return the SHA-256 of a file; "" where there is none."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
