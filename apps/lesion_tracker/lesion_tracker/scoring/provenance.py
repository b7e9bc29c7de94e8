"""What made a result: versions, command, and the hashes of the files that were read."""

import hashlib
import platform
import shlex
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from lesion_tracker.network.weights import Tracker
from lesion_tracker.places import PACKAGE

PACKAGES = ("numpy", "scipy", "torch", "monai", "SimpleITK", "itk-elastix", "picsl-greedy")
"""What an answer may depend on."""
BESIDE = ("app", "sample")
"""What an installed package carries beside its own modules."""


def provenance(
    inputs: Iterable[Path], model: Tracker | None = None, words: Sequence[str] | None = None
) -> dict[str, Any]:
    """Return versions, command and hashes as plain JSON values.

    Args:
        inputs: files that were read; a folder counts with all files in it.
        model: the network that answered, or None.
        words: of the command; None: the process's own.

    Returns:
        command (as a shell reads it), versions, inputs (SHA-256 by path), model.
    """
    return {
        "command": shlex.join(["lesion-tracker", *(sys.argv[1:] if words is None else words)]),
        "versions": versions(),
        "inputs": {str(path): hash_of(path) for path in dict.fromkeys(inputs)},
        "model": None if model is None else {"name": model.name, "sha256": model.sha256},
    }


@cache
def versions() -> dict[str, str]:
    """Return the versions of Python, of the packages that answers depend on, and a hash of this package's sources."""
    found = {"python": platform.python_version(), "lesion_tracker_sources": _sources()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def hash_of(path: Path) -> str:
    """Return the SHA-256 of a file, or of a folder's file names and contents."""
    digest = hashlib.sha256()
    for file in [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file()):
        if file != path:
            digest.update(f"{file.relative_to(path)}\0".encode())
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _sources() -> str:
    digest = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE)
        if name.parts[0] not in BESIDE:
            digest.update(f"{name}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]
