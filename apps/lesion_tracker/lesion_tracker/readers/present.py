"""Which studies have marks, tracks and corrections, as their files stand: kept on disk, so that a start reads none of them."""

import json
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from lesion_tracker import __version__
from lesion_tracker.errors import FileFormatError
from lesion_tracker.files.json_file import read_json
from lesion_tracker.files.whole import write_text

logger = logging.getLogger(__name__)

MANY = 100
"""The file is written anew after so many studies were read."""

State = Sequence[tuple[int, int, int] | None]
"""What changes when one of a study's files does, as `lesion_tracker.readers.record_cache.state_of` says, file by file."""

Known = tuple[str | None, frozenset[str]]
"""Why a study's records cannot be read, or None, and the tags under which there are some."""


class Present:
    """What was found in the files of each study, until one of them changes.

    Args:
        file: where that is kept for the next start of the same version; it may be removed at any time.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known: dict[str, tuple[State, Known]] = {}
        self._read = 0
        try:
            kept = read_json(file)
            for name, (state, tags) in kept["studies"].items() if kept["version"] == __version__ else ():
                files = [None if one is None else (int(one[0]), int(one[1]), int(one[2])) for one in state]
                self._known[name] = files, (None, frozenset(map(str, tags)))
        except (FileFormatError, OSError, TypeError, ValueError, AttributeError, LookupError):
            self._known = {}  # not there, or torn: made again

    def get(self, study_id: str, state: State, read: Callable[[], Known]) -> Known:
        """Return what is known of a study, read anew only where its files have changed."""
        known = self._known.get(study_id)
        if known is None or known[0] != state:
            known = self._known[study_id] = state, read()
            self._read += 1
        return known[1]

    def keep(self) -> None:
        """Write it where many studies were read since; a study whose files are damaged is looked at anew by each start."""
        if self._read < MANY:
            return
        self._read = 0
        whole = {name: (state, sorted(tags)) for name, (state, (why, tags)) in dict(self._known).items() if why is None}
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            write_text(json.dumps({"version": __version__, "studies": whole}), self._file)
        except OSError as error:
            logger.info("which studies are marked cannot be kept, the next start reads all of them: %s", error)
