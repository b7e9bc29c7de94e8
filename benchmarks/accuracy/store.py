"""Raw results, one line of JSON a pair, so that an interrupted run goes on and the tables can be made anew in seconds."""

import hashlib
import json
import math
from typing import Any

from benchmarks.accuracy.data import CACHE, REPOSITORY

ANSWERING = ("studies", "registration", "anatomy", "network", "decoding", "tracking", "evaluation")
"""The folders of the package whose code decides a result."""


def code_version(folders: tuple[str, ...] = ANSWERING, files: tuple[str, ...] = ()) -> str:
    """Return the hash of the code that makes the pairs and the answers: of whole folders and of single files."""
    digest = hashlib.sha256()
    library = REPOSITORY / "apps" / "lesion_tracker" / "lib"
    for path in [p for folder in folders for p in sorted((library / folder).glob("*.py"))] + [
        library / f for f in files
    ]:
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


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
