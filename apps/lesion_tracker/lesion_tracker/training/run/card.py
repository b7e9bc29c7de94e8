"""What a model card says about the run that made the weights."""

import platform
import time
from typing import Any

import torch

from lesion_tracker.network.weights import load_tracker
from lesion_tracker.training.run.settings import RunSection, TrainingSettings
from lesion_tracker.training.run.start import RunData
from lesion_tracker.training.run.validation import Validation


def run_card(
    settings: TrainingSettings, data: RunData, command: str, steps: int, processes: int, figures: Validation | None
) -> dict[str, Any]:
    """Return the card's entries; sizes, input and hash are added where the weights are saved.

    Args:
        settings: of the run.
        data: what it read.
        command: what was typed.
        steps: that were done.
        processes: that shared the gradients.
        figures: of the validation, or None where there was none.
    """
    values = settings.model_dump(mode="json")
    licences = settings.data.licences
    names = [study.name for study in data.studies] + [pair.name for pair in data.pairs]
    return {
        "made_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "command": command,
        "steps": steps,
        "seed": settings.run.seed,
        "hardware": hardware(processes),
        "data": [{"name": name, "licence": licences.get(name, "not stated")} for name in names],
        "validation_data": [
            {"name": study.name, "licence": licences.get(study.name, "not stated")} for study in data.validation
        ],
        **_parent(settings.run),
        "settings": {key: values[key] for key in ("optimiser", "scenario")}
        | {"shares": {key: values["data"][key] for key in ("constructed", "self_supervised")}},
        "validation": _figures(figures, settings.run.validation_pairs),
        "limits": "Research use only; not a medical device. CT only.",
    }


def _parent(run: RunSection) -> dict[str, Any]:
    """Say which weights the run started from; nothing where it started from none."""
    if run.initial_weights is None:
        return {}
    card = load_tracker(run.initial_weights, "cpu").card
    started = {key: card.get(key) for key in ("name", "sha256", "steps")}
    return {"parent": started | {"taken": "what fits" if run.fitting else "all"}}


def hardware(processes: int) -> str:
    """Say what the run ran on."""
    if torch.cuda.is_available():
        return f"{processes} process(es) on {torch.cuda.get_device_name()}, torch {torch.__version__}"
    threads = torch.get_num_threads()
    return f"{processes} process(es), {threads} CPU threads, {platform.machine()}, torch {torch.__version__}"


def _figures(found: Validation | None, pairs: int) -> dict[str, Any] | None:
    if found is None:
        return None
    parts = {"all": found.all, "hard": found.hard, "expected_points_alone": found.expected}
    return {"pairs": pairs, **{name: part.to_json() for name, part in parts.items() if part is not None}}
