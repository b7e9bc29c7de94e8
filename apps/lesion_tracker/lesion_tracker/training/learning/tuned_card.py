"""What the card of fine-tuned weights says: the parent, what they learned from in numbers, and the gate's figures."""

import time
from collections.abc import Sequence
from typing import Any

from lesion_tracker.network.weights import WRITTEN_BY_SAVING
from lesion_tracker.training.learning.fine_tuning import FineTuningSettings
from lesion_tracker.training.learning.gate import Decision
from lesion_tracker.training.learning.split import Split
from lesion_tracker.training.learning.taught_pairs import TaughtPair
from lesion_tracker.training.run.card import hardware

OF_THE_PARENT = {"figures", "validation", "command", "steps", "seed", "settings", "hardware"}
"""What a card says of the parent's own training and accuracy: it is not true of weights that were tuned from them."""


def tuned_card(
    parent: dict[str, Any],
    parent_version: str,
    pairs: Sequence[TaughtPair],
    settings: FineTuningSettings,
    steps: int,
    split: Split,
    decision: Decision,
) -> dict[str, Any]:
    """Return the card's entries; it names no patient and no study.

    The parent's data, licences, limits, calibration and judgement stay in it; tracks then say that confidence was fitted for
    the parent. What its training and its accuracy were stays in its own card.

    Args:
        parent: card of the weights that were fine-tuned.
        parent_version: their version.
        pairs: what was learned from.
        settings: of the run.
        steps: of each training.
        split: how it was tested.
        decision: of the gate.
    """
    inherited = {key: value for key, value in parent.items() if key not in WRITTEN_BY_SAVING | OF_THE_PARENT}
    corrected = sum(len(pair.corrected) for pair in pairs)
    lesions = sum(len(pair.pair.lesions) for pair in pairs)
    base = str(parent.get("name", "lesion-tracker")).split(" + ")[0]
    before = parent.get("tuned", {})
    generation = int(before.get("generation", 0)) + 1 if isinstance(before, dict) else 1
    return {
        **inherited,
        "name": f"{base} + corrections {generation}",
        "made_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "parent": {"name": parent.get("name"), "sha256": parent.get("sha256"), "version": parent_version},
        "tuned": {
            "generation": generation,
            "corrections": corrected,
            "accepted_tracks": lesions - corrected,
            "pairs_of_studies": len(pairs),
            "patients": len({pair.patient for pair in pairs}),
            "steps": steps,
            "learning_rate": settings.learning_rate,
            "replay": settings.replay,
            "constructed": settings.constructed,
            "seed": settings.seed,
            "hardware": hardware(1),
            "tested": split.name,
        },
        "gate": {"published": decision.publish, "reason": decision.reason, **decision.figures},
    }
