"""The codes that DICOM results are written with: standard ones by their keyword, and private ones for what no standard has."""

import hashlib

from highdicom.sr import CodedConcept
from pydicom.sr.codedict import codes

SCHEME = "99LESION_TRACKER"
"""Of private codes: names of lesions, fates, and organs outside of `ORGANS`."""


def standard(scheme: str, keyword: str) -> CodedConcept:
    """Return a code of pydicom's dictionary."""
    return CodedConcept.from_code(getattr(getattr(codes, scheme), keyword))


def private(kind: str, meaning: str) -> CodedConcept:
    """Return a code of our own: the same for the same words; its value has at most 16 characters, its meaning 64."""
    return CodedConcept(hashlib.sha256(f"{kind}:{meaning}".encode()).hexdigest()[:16], SCHEME, meaning[:64])


LONG_AXIS = CodedConcept("103339001", "SCT", "Long Axis")
SHORT_AXIS = CodedConcept("103340004", "SCT", "Short Axis")
VOLUME = CodedConcept("118565006", "SCT", "Volume")
SOURCE = CodedConcept("121112", "DCM", "Source of Measurement")
FATE = CodedConcept("fate", SCHEME, "What became of the lesion")
CHECKED = CodedConcept("checked", SCHEME, "Looked at by a reader")
NOT_YET = CodedConcept("not_yet", SCHEME, "not yet: found by software")
MILLIMETER, CUBIC_MILLIMETER = standard("UCUM", "Millimeter"), standard("UCUM", "CubicMillimeter")
LESION = standard("SCT", "Lesion")
ABNORMAL = standard("SCT", "MorphologicallyAbnormalStructure")
LYMPH_NODE = standard("SCT", "LymphNode")
OUTLINING = standard("DCM", "EdgeDetection")
PERSON, DEVICE = standard("DCM", "Person"), standard("DCM", "Device")
CT = standard("LN", "CTUnspecifiedBodyRegion")
REPORT = standard("DCM", "ImagingMeasurementReport")

_KEYWORDS = {"adrenal gland": "AdrenalGland"} | {
    name.lower(): name
    for name in ("Bone", "Brain", "Kidney", "Liver", "Lung", "Mediastinum", "Pancreas", "Pleura", "Spleen", "Stomach")
}
ORGANS = {word: standard("SCT", keyword) for word, keyword in _KEYWORDS.items()}
"""Standard codes of organs, by the word that a reader gives."""
