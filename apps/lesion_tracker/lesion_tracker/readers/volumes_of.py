"""Which volumes a study's id has stood for: what was set on one counts as long as the id stands for that one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from lesion_tracker.errors import FileFormatError
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.volumes.fingerprint import Fingerprint

UNKNOWN = ""
"""The stamp of what was stored before volumes were told apart."""


@dataclass(frozen=True)
class VolumesOf:
    """The volumes of one study.

    Args:
        by_stamp: fingerprints by the stamp of the files that were read; a file that is saved again has another stamp.
        current: the stamp that was read last; "" where none was.
    """

    by_stamp: Mapping[str, Fingerprint] = field(default_factory=dict)
    current: str = UNKNOWN

    def holds(self, on: str) -> bool:
        """Say whether what was set on a volume counts for the one that is there now.

        Args:
            on: stamp of the volume.
        """
        if not self.current or on == self.current:
            return True
        # One that is not known was never bound, or its server ended before it took the fingerprint.
        return self._same.get(on, on == UNKNOWN)

    @cached_property
    def _same(self) -> Mapping[str, bool]:
        """Say of each stamp whether it stands for the present volume; every line of a history asks."""
        now = self.by_stamp[self.current]
        return {stamp: known.equals(now) for stamp, known in self.by_stamp.items()}

    def difference(self, on: str) -> str:
        """Say in words how the present volume differs from that of a stamp."""
        known = self.by_stamp.get(on)
        if known is None:
            return "the file changed before its fingerprint was known"
        return known.difference(self.by_stamp[self.current])

    def stamps_like(self, on: str) -> list[str]:
        """Return the stamps of all files that held the same volume as those of a stamp."""
        known = self.by_stamp.get(on)
        return [stamp for stamp, one in self.by_stamp.items() if known is not None and one.equals(known)]


@dataclass(frozen=True)
class LeftBehind:
    """A point that a reader set on a volume for which its study's id does not stand any more.

    Args:
        lesion: as it was there, LPS mm of that volume.
        on: stamp of that volume.
        difference: how the present volume differs from it, in words.
    """

    lesion: Lesion
    on: str
    difference: str


def replay_volumes(entries: Sequence[Mapping[str, Any]], name: str) -> VolumesOf:
    """Return the volumes of a `volumes` history.

    Args:
        entries: its lines, oldest first: {"volume": fingerprint, "on": [stamps], "at"}; the first stamp is that of the files.
        name: of the file, for errors.

    Raises:
        FileFormatError: for another line.
    """
    by_stamp: dict[str, Fingerprint] = {}
    current = UNKNOWN
    for number, entry in enumerate(entries, start=1):
        stamps = entry.get("on")
        if set(entry) != {"volume", "on", "at"} or not isinstance(stamps, list) or not stamps:
            raise FileFormatError(f"{name}, line {number}: no volume of a study: {str(dict(entry))[:120]}")
        fingerprint = Fingerprint.from_json(entry["volume"])
        for stamp in map(str, stamps):
            by_stamp.pop(stamp, None)
            by_stamp[stamp] = fingerprint
        current = str(stamps[0])
    return VolumesOf(by_stamp, current)
