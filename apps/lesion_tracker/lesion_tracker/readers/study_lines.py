"""One study's three histories as they are read: by their last lines where these are enough, and as far as they count."""

import json
from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar

from lesion_tracker.readers.history import History
from lesion_tracker.readers.recent_lines import NOTHING, LeftOut, TooShortError
from lesion_tracker.readers.record_cache import RecordCache
from lesion_tracker.readers.replay import MarkState, replay_corrections, replay_marks, replay_tracks
from lesion_tracker.readers.said_line import Stand, reads
from lesion_tracker.records.correction import Correction
from lesion_tracker.records.failure import Failure
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.track import Track

Read = TypeVar("Read")
READS: tuple[tuple[str, dict[str, Callable[[object], Any]]], ...] = (
    ("lesion", {"lesion": Lesion.from_json}),
    ("track", {"track": Track.from_json, "failure": Failure.from_json}),
    ("correction", {"correction": Correction.from_json}),
)
"""What the three histories of a study hold, and what a line of each may be beside an action."""


class StudyLines:
    """What was said about the lesions of one study, as far as it was said of one volume.

    Args:
        study_id: the study.
        lesions: history of marks and of what was done to lesions.
        tracks: history of tracks that end in this study.
        corrections: history of readers' answers to them.
        cache: of what was read from the histories.
        holds: says of the stamp of a volume whether what was set on it counts.
    """

    def __init__(
        self,
        study_id: str,
        lesions: History,
        tracks: History,
        corrections: History,
        *,
        cache: RecordCache,
        holds: Callable[[str], bool] = lambda on: True,
    ) -> None:
        self._study_id, self._holds = study_id, holds
        self._histories = (lesions, tracks, corrections)
        self._cache = cache

    def read(self) -> None:
        """Read all histories, so that a damaged one is known.

        Raises:
            FileFormatError: that names its file and line.
        """
        for known in (self._marks, self._stamped_tracks, self._stamped_corrections):
            known.keys()

    @cached_property
    def _marks(self) -> dict[str, list[MarkState]]:
        return self._replayed(0, replay_marks)

    @cached_property
    def _tracked(self) -> tuple[dict[str, tuple[Track, Stand]], dict[str, Failure]]:
        return self._replayed(1, replay_tracks)

    @property
    def _stamped_tracks(self) -> dict[str, tuple[Track, Stand]]:
        return self._tracked[0]

    @cached_property
    def _tracks(self) -> dict[str, Track]:
        return {name: track for name, (track, _) in self._stamped_tracks.items()}

    @cached_property
    def _stamped_corrections(self) -> dict[str, list[tuple[Correction, Stand]]]:
        return self._replayed(2, replay_corrections)

    @cached_property
    def _corrections(self) -> dict[str, list[Correction]]:
        return {name: [answer for answer, _ in known] for name, known in self._stamped_corrections.items()}

    def _replayed(self, place: int, replay: Callable[[list[Any], Callable[[str], bool], LeftOut], Read]) -> Read:
        """Return what one of the three histories says, by its last lines where these are enough, else by all."""
        history = self._histories[place]
        read = reads(*READS[place], history.name)
        recent = self._cache.recent(history, read)
        try:
            return replay(recent.lines, self._holds, recent.left_out)
        except TooShortError:
            return replay(self._whole(place), self._holds, NOTHING)

    def _whole(self, place: int) -> list[Any]:
        """Return all lines of one of the three histories."""
        history = self._histories[place]
        read = reads(*READS[place], history.name)
        return self._cache.get(
            history, lambda one: [read(entry, b"", n).line for n, entry in enumerate(one.entries(), start=1)]
        )

    def _about(self, place: int, lesion_id: str) -> list[Any]:
        """Return the lines of one of the three histories in which a lesion is named; those of others are not read."""
        history = self._histories[place]
        read = reads(*READS[place], history.name)
        names = {json.dumps(lesion_id, ensure_ascii=ascii_).encode(errors="replace") for ascii_ in (True, False)}
        lines = enumerate(history.content().split(b"\n"), start=1)
        named = [(number, line) for number, line in lines if any(name in line for name in names)]
        return [read(history.entry(str(number), line), b"", number).line for number, line in named]
