"""What the name of a DLS sub-volume says: PATIENT_STUDY_SERIES_START-END.nii.gz."""

import re
from dataclasses import dataclass

from lesion_tracker.scoring.answers import Direction

PATTERN = re.compile(r"(\d+)_(\d+)_(\d+)_(\d+)-(\d+)(?:\.nii(?:\.gz)?)?")


@dataclass(frozen=True)
class DlsName:
    """A sub-volume of DeepLesion.

    Args:
        series: the folder of its slices, "000016_01_01".
        patient: "000016".
        study: number of the patient's study; studies are numbered in the order of time.
        first: number of the first slice.
        last: of the last slice.
    """

    series: str
    patient: str
    study: int
    first: int
    last: int

    @property
    def slices(self) -> range:
        """Numbers of its slices."""
        return range(self.first, self.last + 1)


def dls_name(name: str) -> DlsName | None:
    """Return what a name says, or None if it is no such name."""
    found = PATTERN.fullmatch(name)
    if not found or int(found[5]) < int(found[4]):
        return None
    return DlsName(f"{found[1]}_{found[2]}_{found[3]}", found[1], int(found[2]), int(found[4]), int(found[5]))


def direction_of(source: DlsName | None, target: DlsName | None) -> Direction:
    """Return the direction in time from one sub-volume to another; "unknown" where a name says nothing."""
    if source is None or target is None:
        return "unknown"
    if source.study == target.study:
        return "same study"
    return "forward" if source.study < target.study else "backward"
