"""What is written of one lesion into DICOM results, and by whom: the same for the structured report and the masks."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from highdicom import AlgorithmIdentificationSequence
from highdicom.sr import CodedConcept

import lesion_tracker
from lesion_tracker.records.fate import FATES, PRESENT
from lesion_tracker.records.json_record import Point
from lesion_tracker.records.measurement import Measurement
from lesion_tracker.report.dicom_codes import LYMPH_NODE, ORGANS, OUTLINING, SCHEME, private

PRODUCT = "Lesion Tracker"
DESCRIPTION = "Lesions (research use only)"


@dataclass(frozen=True)
class ReportedLesion:
    """One lesion in one study.

    Args:
        name: what readers call it.
        tracking_uid: the same in all studies, in reports and in masks.
        place_mm: its point, or where it is expected; LPS mm of the series.
        fate: one of `lesion_tracker.records.fate.FATES`.
        organ: where it lies, in words, or "".
        node: whether it is a lymph node.
        measured: or None.
        confirmed: whether a reader has looked at it in this study; else only the tracker says so.
    """

    name: str
    tracking_uid: str
    place_mm: Point
    fate: str = PRESENT.name
    organ: str = ""
    node: bool = False
    measured: Measurement | None = None
    confirmed: bool = True

    @property
    def site(self) -> CodedConcept | None:
        """Return the code of where it lies."""
        if self.node:
            return LYMPH_NODE
        if not self.organ:
            return None
        return ORGANS.get(self.organ.casefold()) or private("organ", self.organ)


@dataclass(frozen=True)
class MadeBy:
    """Who and what made the results.

    Args:
        reader: the person, or "" where none has looked.
        model: name of the weights, or "" where none were used.
        model_sha256: of the weights.
    """

    reader: str = ""
    model: str = ""
    model_sha256: str = ""

    @property
    def parameters(self) -> list[str]:
        """Return what an algorithm's identification says beside name and version."""
        return [f"model {self.model}", f"sha256 {self.model_sha256}"] if self.model else []

    def algorithm(self, measured: Measurement) -> AlgorithmIdentificationSequence:
        """Return what a mask says of its maker."""
        return AlgorithmIdentificationSequence(
            name=PRODUCT,
            family=OUTLINING,
            version=measured.version,
            parameters={"method": measured.method, **dict(part.split(" ", 1) for part in self.parameters)},
        )


def fate_code(lesion: ReportedLesion) -> CodedConcept:
    """Return the code of what became of a lesion."""
    return CodedConcept(lesion.fate, SCHEME, FATES[lesion.fate].words)


def content_hash(lesions: Sequence[ReportedLesion], made_by: MadeBy) -> str:
    """Return a hash of all that is written: the same content has the same UIDs, so that storing it twice changes nothing."""
    written = [asdict(one) for one in lesions], asdict(made_by), lesion_tracker.__version__
    return hashlib.sha256(json.dumps(written).encode()).hexdigest()
