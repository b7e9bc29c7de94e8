"""Raw results, one line of JSON a pair, so that an interrupted run goes on and the tables can be made anew in seconds."""

import ast
import hashlib
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.accuracy.data import CACHE, REPOSITORY

LIBRARY = REPOSITORY / "apps" / "lesion_tracker" / "lesion_tracker"
PACKAGES = {
    "lesion_tracker": LIBRARY,
    **{f"benchmarks.{name}": REPOSITORY / "benchmarks" / name for name in ("constructed", "fates")},
}
ANSWERING = ("lesion_tracker.tracking.track", "lesion_tracker.registration.pool_process")
MAKING = (
    "benchmarks.constructed.hard_render",
    "benchmarks.constructed.places",
    "lesion_tracker.volumes.reader",
)
"""The modules that answer, and those that make or read a pair: with what they import, they decide a result."""


def answering_code() -> str:
    """Return the hash of the code that makes the pairs and the answers."""
    return code_of(*MAKING, *ANSWERING)


def making_code() -> str:
    """Return the hash of the code that makes the pairs."""
    return code_of(*MAKING)


def code_of(*modules: str) -> str:
    """Return the hash of these modules and of all that they import of this project's packages."""
    return _hash_of(_imported(modules))


def _hash_of(paths: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def _imported(modules: Sequence[str]) -> list[Path]:
    """Return the files of these modules and of all that they import of this project's packages, wherever in a file."""
    found: set[Path] = set()
    todo = list(modules)
    while todo:
        path = _file_of(todo.pop())
        if path is None or path in found or not path.exists():  # a name in a module is no file
            continue
        found.add(path)
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.ImportFrom) and node.module:
                todo += [node.module, *(f"{node.module}.{name.name}" for name in node.names)]
    return sorted(found)


def _file_of(module: str) -> Path | None:
    """Return the file of a module of this project's packages, or None for any other."""
    for name, folder in PACKAGES.items():
        if module.startswith(f"{name}."):
            return folder / f"{module.removeprefix(f'{name}.').replace('.', '/')}.py"
    return None


def plain(value: Any) -> Any:
    """Return JSON values with null for what could not be computed."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


class Store:
    """Results of one benchmark under one key.

    Args:
        benchmark: names the folder.
        key: everything that decides the results.
    """

    def __init__(self, benchmark: str, key: dict[str, Any]) -> None:
        name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]
        self.path = CACHE / benchmark / f"{name}.jsonl"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.records: dict[str, dict[str, Any]] = {}
        if self.path.exists():
            for line in self.path.read_text().splitlines():
                self._remember(line)

    def _remember(self, line: str) -> None:
        try:
            record = json.loads(line)
        except json.JSONDecodeError:  # a run was stopped while it wrote its last line
            return
        self.records[record["pair"]] = record

    def add(self, record: dict[str, Any]) -> None:
        """Keep the result of one pair."""
        with self.path.open("a") as file:
            file.write("\n" * self._torn() + json.dumps(record) + "\n")
        self.records[record["pair"]] = record

    def _torn(self) -> int:
        data = self.path.read_bytes() if self.path.exists() else b""
        return int(bool(data) and not data.endswith(b"\n"))
