"""Two studies of one patient: where lesions are known, and where they are looked for."""

from dataclasses import dataclass

from lesion_tracker.volumes.volume import Volume


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
