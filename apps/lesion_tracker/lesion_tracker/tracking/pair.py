"""Two studies of one patient: where lesions are known, and where they are looked for."""

from dataclasses import dataclass
from pathlib import Path

from lesion_tracker.studies.one_patient import require_pair
from lesion_tracker.studies.reading import Reading
from lesion_tracker.volumes.volume import Volume

AS_IT_IS = Reading()
"""Nothing is accepted but CT."""


@dataclass(frozen=True, eq=False)
class Pair:
    """A baseline and a follow-up study.

    Args:
        baseline: the study with marked lesions.
        followup: the study to find them in; usually the later one.
        baseline_id: named in every track.
        followup_id: named in every track.
        notes: what a reader should know of the two together.
    """

    baseline: Volume
    followup: Volume
    baseline_id: str = "baseline"
    followup_id: str = "followup"
    notes: tuple[str, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader should know of the pair and of either study, which its sentences name; in every track."""
        names = (self.baseline_id, self.followup_id)
        if names[0] == names[1]:
            names = ("baseline", "follow-up")
        sides = zip(names, (self.baseline, self.followup), strict=True)
        return (*self.notes, *(f"{name}: {text}" for name, volume in sides for text in volume.warnings))


def read_pair(
    baseline: Path, followup: Path, *, reading: Reading = AS_IT_IS, any_pair: bool = False, option: str = "--any-pair"
) -> Pair:
    """Read both studies; what their headers say against each other, or leave open, is among the pair's notes.

    Args:
        baseline: a file, a folder with a series or with several, or `FOLDER#UID`.
        followup: the same of the later study.
        reading: what is accepted of the studies.
        any_pair: also where the headers name two patients, or the follow-up is the earlier one; every track then says so.
        option: by which that is allowed.

    Raises:
        InputError: for studies that are no pair by their headers.
        StudyError: for a file that is no usable CT volume.
    """
    (first, fixed), (later, moving) = (
        reading.study(baseline, has_lesions=True),
        reading.study(followup, has_lesions=False),
    )
    notes = require_pair(first, later, option, allowed=any_pair)
    return Pair(fixed, moving, first.id, later.id, notes)
