"""The versions of the weights: published by one atomic step, all kept, and rolled back by one call."""

import json
import logging
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from lesion_tracker.errors import FileFormatError, InputError
from lesion_tracker.files.whole import remove_drafts, write_text, written_whole
from lesion_tracker.network.tracker_net import TrackerNet
from lesion_tracker.network.weights import CARD_FILE, pack_tracker

logger = logging.getLogger(__name__)

POINTER = "published.json"
VERSIONS = "versions"
SHIPPED = "shipped"
"""The name of the weights that lie in the folder itself."""

SCHEMA = 1
MOST_CANDIDATES = 5
"""Weights that the gate kept back, the newest of which are kept."""


@dataclass(frozen=True)
class Published:
    """What the pointer says.

    Args:
        version: published now.
        before: published earlier, the newest last; roll back goes there.
    """

    version: str = SHIPPED
    before: tuple[str, ...] = ()


class ModelStore:
    """The folder of published weights: the shipped ones in it, fine-tuned ones below `versions/`.

    `published.json` names the published version; it is replaced in one step, so that a reader, or a server that starts
    after a crash, sees the old version or the new one. Without it the shipped weights are published.

    Args:
        folder: of the weights.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def published(self) -> Published:
        """Return which version is published, and which were before.

        Raises:
            FileFormatError: if the pointer is damaged or names no version.
        """
        path = self.folder / POINTER
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return Published()
        except (OSError, ValueError) as error:
            raise FileFormatError(f"{path} cannot be read: {error}") from None
        if not isinstance(data, dict) or data.get("schema") != SCHEMA or not isinstance(data.get("before"), list):
            raise FileFormatError(f"{path} does not name a version: {str(data)[:200]}")
        names = [data.get("published"), *data["before"]]
        known = [name for name in names if isinstance(name, str) and _is_name(name)]
        if len(known) != len(names):
            raise FileFormatError(f"{path} does not name a version: {str(data)[:200]}")
        return Published(known[0], tuple(known[1:]))

    def folder_of(self, version: str) -> Path:
        """Return the folder with the weights of a version."""
        return self.folder if version == SHIPPED else self.folder / VERSIONS / version

    def versions(self) -> list[dict[str, Any]]:
        """Return every version with its card, the oldest first; a card that cannot be read is left out."""
        now = self.published()
        names = sorted(path.name for path in (self.folder / VERSIONS).glob("*") if _is_name(path.name))
        found = [(name, _card(self.folder_of(name))) for name in (SHIPPED, *names)]
        return [
            {"version": name, "published": name == now.version, "published_before": name in now.before, "card": card}
            for name, card in found
            if card is not None
        ]

    def add(self, net: TrackerNet, card: dict[str, Any]) -> str:
        """Write new weights beside the published ones; they are a candidate until `publish`.

        Returns:
            The name of the version.

        Raises:
            InputError: if the folder cannot be written: disk full, read-only.
            WeightsError: if a weight is not finite.
        """
        with self._writable():
            packed = pack_tracker(net, card)
            stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
            name = f"{stamp}-{packed.card['sha256'][:8]}"
            (self.folder / VERSIONS).mkdir(parents=True, exist_ok=True)
            remove_drafts(self.folder / VERSIONS)
            with written_whole(self.folder / VERSIONS / name, durable=True) as draft:
                packed.write(draft)
        self._drop_old_candidates()
        return name

    def publish(self, version: str, parent: str | None = None) -> None:
        """Make a version the published one.

        Args:
            version: written by `add`.
            parent: what must be published until now; None: anything.

        Raises:
            InputError: if another version was published meanwhile, there is no such version, or the folder is
                not writable.
        """
        if _card(self.folder_of(version)) is None:
            raise InputError(f"there is no version {version!r} of the weights in {self.folder}")
        with self._writable(), self._alone():
            now = self.published()
            if parent is not None and now.version != parent:
                raise InputError(f"version {now.version} was published meanwhile, the training started from {parent}")
            self._point(Published(version, (*now.before, now.version)))
        logger.info("published the weights %s", version)

    def roll_back(self) -> str:
        """Publish again what was published before; return its name.

        Raises:
            InputError: if nothing was published before, or the folder is not writable.
        """
        with self._writable(), self._alone():
            now = self.published()
            if not now.before:
                raise InputError(f"version {now.version} is the first one: there is nothing to roll back to")
            self._point(Published(now.before[-1], now.before[:-1]))
        logger.info("rolled back from the weights %s to %s", now.version, now.before[-1])
        return now.before[-1]

    def require_writable(self) -> None:
        """Refuse a folder that new weights could not be written to.

        Raises:
            InputError: with the folder and what the system says.
        """
        with self._writable():
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.folder):
                pass

    def _point(self, published: Published) -> None:
        data = {"schema": SCHEMA, "published": published.version, "before": list(published.before)}
        write_text(json.dumps(data), self.folder / POINTER, durable=True)

    def _drop_old_candidates(self) -> None:
        now = self.published()
        names = sorted(path.name for path in (self.folder / VERSIONS).glob("*") if _is_name(path.name))
        candidates = [name for name in names if name not in (now.version, *now.before)]
        for name in candidates[:-MOST_CANDIDATES]:
            shutil.rmtree(self.folder / VERSIONS / name, ignore_errors=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with FileLock(self.folder / ".publish.lock"):
            remove_drafts(self.folder)
            yield

    @contextmanager
    def _writable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise InputError(
                f"weights cannot be written to {self.folder}: {error.strerror or error}; make room, make it writable, "
                "or start the server with --conf model_dir FOLDER"
            ) from None


def _is_name(name: str) -> bool:
    return bool(name) and not name.startswith(".") and "/" not in name


def _card(folder: Path) -> dict[str, Any] | None:
    try:
        card = json.loads((folder / CARD_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return card if isinstance(card, dict) else None
