"""docs/licences.md out of what the installed packages say of themselves: `.venv/bin/python -m tests.licences`."""

import re
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "licences.md"
LONGEST = 90

HEAD = """# Licences

Lesion Tracker itself is under the Apache License 2.0 (`LICENSE`). This page lists what it needs to run: the packages of
`requirements.txt` and all that they ask for, with what each installed package says of itself. It is made by
`.venv/bin/python -m tests.licences`, and a test holds it to `constraints.txt`. Nobody here is a lawyer: read the texts
that the packages carry before you pass a copy on.

**picsl-greedy.** The installed wheel carries the text of the Apache License 2.0. The header of one version of its
sources says GPL, version 3 or later. The engine stays behind one file, `registration/greedy.py`, so that another one can
take its place; `--conf method affine` answers without it.

| package | version | licence, as it says |
|---|---|---|
"""


def needed(requirements: Path = ROOT / "requirements.txt") -> list[str]:
    """Return the names of all packages that running takes, in the order of the alphabet."""
    lines = [line.split("#")[0].strip() for line in requirements.read_text().splitlines()]
    todo = [Requirement(line) for line in lines if line]
    found: set[str] = set()
    while todo:
        wanted = todo.pop()
        name = canonicalize_name(wanted.name)
        if name in found or (wanted.marker and not wanted.marker.evaluate({"extra": ""})):
            continue
        try:
            more = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue  # another machine's
        found.add(name)
        todo += [Requirement(text) for text in more]
    return sorted(found)


def licence_of(name: str) -> str:
    """Return what a package says of its licence, in its own words, on one line."""
    said = metadata.metadata(name)
    kinds = [text.split(" :: ")[-1] for text in said.get_all("Classifier", []) if text.startswith("License :: ")]
    named = [kind for kind in kinds if kind != "OSI Approved"]
    text = said.get("License-Expression") or "; ".join(named) or said.get("License") or ""
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return (first[:LONGEST] or f"says nothing; carries {', '.join(_texts_of(name)) or 'no text'}").replace("|", "/")


def _texts_of(name: str) -> list[str]:
    return sorted({file.name for file in metadata.files(name) or () if re.match(r"(LICEN[CS]E|COPYING)", file.name)})


def page() -> str:
    """Return the page."""
    rows = [f"| {name} | {metadata.version(name).split('+')[0]} | {licence_of(name)} |" for name in needed()]
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
