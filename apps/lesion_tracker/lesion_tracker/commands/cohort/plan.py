"""Which pairs a cohort asks for: every later study from the first, and each study from the one before."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from lesion_tracker.commands.cohort.cohort_file import CohortPatient, CohortStudy
from lesion_tracker.errors import FileFormatError
from lesion_tracker.records.derived import followed
from lesion_tracker.records.lesion import Lesion, Marked
from lesion_tracker.records.track import Track
from lesion_tracker.scoring.provenance import versions
from lesion_tracker.volumes.read_files import files_of

Way = Literal["first", "chain"]
"""From the first study, or through every study between; the second study is reached by the first way alone."""


@dataclass(frozen=True)
class Step:
    """One pair to track.

    Args:
        patient: of both studies.
        way: "first" or "chain".
        baseline: where lesions are known.
        followup: where they are looked for.
        lesions: marked in the first study; a chained step takes those of the step before instead.
        after: the step before in the chain, or None.
    """

    patient: str
    way: Way
    baseline: CohortStudy
    followup: CohortStudy
    lesions: tuple[Marked, ...]
    after: "Step | None" = None

    @property
    def key(self) -> str:
        """Names the step in the output; stays the same when the cohort grows."""
        text = json.dumps([self.patient, self.way, self.baseline.date, self.followup.date])
        return hashlib.sha256(text.encode()).hexdigest()[:20]


def steps_of(patients: Sequence[CohortPatient]) -> list[Step]:
    """Return the steps of a cohort; a step that others wait for comes before them."""
    return [step for patient in patients for step in _steps(patient)]


def _steps(patient: CohortPatient) -> list[Step]:
    first, *later = patient.studies
    direct = [Step(patient.patient, "first", first, study, patient.lesions) for study in later]
    chain: list[Step] = []
    for before, study in pairwise(later):
        previous = chain[-1] if chain else direct[0]
        chain.append(Step(patient.patient, "chain", before, study, patient.lesions, previous))
    return direct + chain


def lesions_after(step: Step, tracks: Sequence[Track]) -> list[Lesion]:
    """Return a chained step's lesions: where the step before found them; one that was not scanned has no place.

    Args:
        step: the step to start.
        tracks: of the step before.
    """
    marked = {lesion.id: lesion for lesion in step.lesions}
    return [followed(marked[track.lesion_id], track) for track in tracks if track.has_point]


def payload_of(step: Step, lesions: Sequence[Marked], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return a step as the plain values that go to a worker; `stamp` changes when an answer could.

    That is with the images' files, the lesions, the options and the versions.

    Raises:
        FileFormatError: if an image is not there.
    """
    images = {}
    for side, study in (("baseline", step.baseline), ("followup", step.followup)):
        try:
            images[side] = (str(study.image.absolute()), _seen(study.image))
        except OSError as error:
            raise FileFormatError(f"row {study.row}: {study.image} cannot be read: {error.strerror}") from None
    job = {
        "baseline": images["baseline"][0],
        "followup": images["followup"][0],
        "lesions": [lesion.to_json() for lesion in lesions],
        **options,
    }
    text = json.dumps([job, images, versions()], sort_keys=True, default=str)
    return {**job, "stamp": hashlib.sha256(text.encode()).hexdigest()}


def _seen(image: Path) -> list[tuple[str, int, int]]:
    """Return name, size and time of a file, or of every file of a series' folder.

    Raises:
        OSError: if it is not there or may not be read.
    """
    seen = [(file.name, file.stat()) for file in files_of(image)]
    return [(name, stat.st_size, stat.st_mtime_ns) for name, stat in seen]
