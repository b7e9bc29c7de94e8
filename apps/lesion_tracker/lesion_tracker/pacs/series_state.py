"""What a PACS has of a series now, by content: a series that was sent again, corrected, is another one than the copy here.

The number of files does not tell: positions, sides and reconstructions are corrected in place.
"""

import hashlib
import json
import threading
import time
from dataclasses import dataclass

from pydicom.datadict import tag_for_keyword

from lesion_tracker.pacs.dicomweb import DicomWeb, Headers
from lesion_tracker.pacs.query import Item
from lesion_tracker.volumes.dicom_headers import TAGS

MEMO_S = 2.0
"""For so long an answer about a series counts: several parts of one request ask for it."""

WHEN_MADE = ("InstanceCreationDate", "InstanceCreationTime", "ContentDate", "ContentTime")
KEPT = frozenset(f"{tag_for_keyword(name):08X}" for name in (*TAGS, *WHEN_MADE))
SOP_UID = f"{tag_for_keyword('SOPInstanceUID'):08X}"


@dataclass(frozen=True)
class SeriesState:
    """A series as a PACS describes it.

    Args:
        items: the headers of its instances, as far as a reader of volumes looks at them; none: it is not there.
        digest: changes when one of these does, or the server's own mark.
    """

    items: list[Item]
    digest: str

    @property
    def files(self) -> int:
        """Return the number of instances."""
        return len({json.dumps(item.get(SOP_UID)) for item in self.items}) if self.items else 0


def state_of(headers: Headers) -> SeriesState:
    """Return the state that headers tell, whatever their order; what differs from answer to answer (addresses) is left out."""
    items = [
        {tag: element for tag, element in item.items() if tag in KEPT and isinstance(element, dict)}
        for item in headers.items
    ]
    values = sorted(
        json.dumps({tag: element.get("Value") for tag, element in item.items()}, sort_keys=True) for item in items
    )
    return SeriesState(items, hashlib.sha256(json.dumps([headers.etag, values]).encode()).hexdigest())


class SeriesStates:
    """Asks a PACS for the states of series; safe for threads.

    Args:
        web: the PACS.
    """

    def __init__(self, web: DicomWeb) -> None:
        self._web = web
        self._known: dict[str, tuple[float, SeriesState]] = {}
        self._lock = threading.Lock()

    def now(self, study_uid: str, series_uid: str, announced: int) -> SeriesState:
        """Return the state of a series.

        Args:
            study_uid: StudyInstanceUID.
            series_uid: SeriesInstanceUID.
            announced: instances that the PACS last said it has, 0 where it did not say: another number is asked about.

        Raises:
            PacsError: if the PACS does not answer.
        """
        with self._lock:
            when, state = self._known.get(series_uid, (0.0, None))
        if state is not None and time.monotonic() - when < MEMO_S and announced in (0, state.files):
            return state
        begun = time.monotonic()
        state = state_of(self._web.metadata(study_uid, series_uid))
        with self._lock:
            self._known = {uid: known for uid, known in self._known.items() if begun - known[0] < MEMO_S}
            self._known[series_uid] = begun, state
        return state
