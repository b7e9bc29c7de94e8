"""Results of a study into the PACS (STOW-RS): each instance once, and whether it arrived is known or said not to be."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lesion_tracker.errors import PacsError
from lesion_tracker.pacs.dicomweb import DicomWeb

logger = logging.getLogger(__name__)

BOUNDARY = b"lesion-tracker-0f1c8e6f7d2b4a15"
REFERENCED, FAILED, REASON = "00081199", "00081198", "00081197"
INSTANCE_UID, OF_INSTANCE = "00080018", "00081155"


@dataclass(frozen=True)
class Instance:
    """One DICOM file to store.

    Args:
        study_uid: StudyInstanceUID.
        series_uid: SeriesInstanceUID.
        uid: SOPInstanceUID; the same content has the same one.
        file: its bytes.
    """

    study_uid: str
    series_uid: str
    uid: str
    file: bytes


def store(web: DicomWeb, instances: Sequence[Instance]) -> dict[str, bool]:
    """Store instances of one study that the PACS does not have.

    Args:
        web: the PACS.
        instances: of one study.

    Returns:
        By SOPInstanceUID, whether it was stored now; False: the PACS had it before.

    Raises:
        PacsError: if the PACS does not take one, or does not say that it did. What it took is there: the same request
            again sends only the rest.
    """
    missing = [one for one in instances if one.uid not in _there(web, one)]
    if missing:
        answer = web.store(missing[0].study_uid, _body([one.file for one in missing]), _kind())
        _require_stored(web, missing, answer)
        logger.info("stored %d instances in study %s", len(missing), missing[0].study_uid)
    return {one.uid: one in missing for one in instances}


def _there(web: DicomWeb, instance: Instance) -> set[str]:
    items = web.metadata(instance.study_uid, instance.series_uid).items
    return {str(value) for item in items for value in item.get(INSTANCE_UID, {}).get("Value", [])}


def _require_stored(web: DicomWeb, sent: Sequence[Instance], answer: tuple[int, bytes]) -> None:
    """Compare what the PACS says with what was sent; where it says nothing, look whether it is there."""
    status, body = answer
    said = _json(body)
    refused = {_of(item, OF_INSTANCE): _of(item, REASON) for item in _items(said, FAILED)}
    taken = {_of(item, OF_INSTANCE) for item in _items(said, REFERENCED)}
    for one in sent:
        if one.uid in refused:
            raise PacsError(
                f"the PACS at {web.address} did not take instance {one.uid} (reason {refused[one.uid] or 'not given'}): "
                "nothing is lost, and the same request sends it again"
            )
        if one.uid not in taken and one.uid not in _there(web, one):
            raise PacsError(
                f"the PACS at {web.address} answered {status} and does not have instance {one.uid}: nothing is lost, and the "
                "same request sends it again"
            )


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return {}


def _items(said: Any, tag: str) -> Sequence[Mapping[str, Any]]:
    found = said.get(tag, {}) if isinstance(said, dict) else {}
    values = found.get("Value", []) if isinstance(found, dict) else []
    return [item for item in values if isinstance(item, dict)]


def _of(item: Mapping[str, Any], tag: str) -> str:
    element = item.get(tag, {})
    values = element.get("Value", []) if isinstance(element, dict) else []
    return str(values[0]) if values else ""


def _body(files: Sequence[bytes]) -> bytes:
    head = b"--" + BOUNDARY + b"\r\nContent-Type: application/dicom\r\n\r\n"
    return b"".join(head + file + b"\r\n" for file in files) + b"--" + BOUNDARY + b"--\r\n"


def _kind() -> str:
    return f'multipart/related; type="application/dicom"; boundary={BOUNDARY.decode()}'
