"""Two studies of one patient: where lesions are known, and where they are looked for."""

from dataclasses import dataclass, replace
from pathlib import Path

from lesion_tracker.errors import InputError
from lesion_tracker.studies.one_patient import pair_facts
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
    """

    baseline: Volume
    followup: Volume
    baseline_id: str = "baseline"
    followup_id: str = "followup"


def read_pair(baseline: Path, followup: Path, *, reading: Reading = AS_IT_IS, any_pair: bool = False) -> Pair:
    """Read both studies; what their headers say against each other, or leave open, is among the follow-up's warnings.

    Args:
        baseline: a file, a folder with a series or with several, or `FOLDER#UID`.
        followup: the same of the later study.
        reading: what is accepted of the studies.
        any_pair: also where the headers name two patients, or the follow-up is the earlier one; every track then says so.

    Raises:
        InputError: for studies that are no pair by their headers.
        StudyError: for a file that is no usable CT volume.
    """
    (first, fixed), (later, moving) = (
        reading.study(baseline, has_lesions=True),
        reading.study(followup, has_lesions=False),
    )
    facts = pair_facts(first, later)
    if facts.refusals and not any_pair:
        raise InputError(
            f"{'; '.join(facts.refusals)}: the right studies, in the right order? To track all the same: --any-pair"
        )
    notes = (*facts.refusals, *facts.warnings, *moving.warnings)
    return Pair(fixed, replace(moving, warnings=notes), first.id, later.id)
