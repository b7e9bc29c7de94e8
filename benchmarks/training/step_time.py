"""What a step costs with the loader that draws its examples, and on one cached example: the loader must hide.

Run it alone on the machine: `PYTHONPATH=apps/lesion_tracker python benchmarks/training/step_time.py CONFIG.toml --data FOLDER`
"""

import argparse
import tempfile
import time
from pathlib import Path

import torch
from torch.utils.data import Dataset

from lib.training.examples import Example
from lib.training.loop import StepReport, Trainer
from lib.training.settings import TrainingSettings, read_settings
from lib.training.start import examples_of, new_net, read_data

WARM = 4
"""Steps before the clock starts: the loader fills its queue, torch chooses its kernels."""


class Cached(Dataset[Example]):
    """A few examples, drawn before the clock starts, over and over."""

    def __init__(self, examples: Dataset[Example], count: int) -> None:
        self.examples = [examples[number] for number in range(count)]

    def __getitem__(self, number: int) -> Example:
        """Return one of them."""
        return self.examples[number % len(self.examples)]


def seconds_a_step(settings: TrainingSettings, examples: Dataset[Example]) -> float:
    """Return the mean seconds of a step after the warm-up."""
    trainer = Trainer(settings, new_net(settings)[0], examples)
    times: list[float] = []

    def tick(_: StepReport) -> None:
        times.append(time.perf_counter())

    trainer.run(tick)
    return (times[-1] - times[WARM - 1]) / (len(times) - WARM)


def measure(config: Path, data: Path | None, steps: int) -> tuple[float, float]:
    """Return seconds a step with the loader and on cached examples of the same numbers."""
    with tempfile.TemporaryDirectory() as place:
        settings = read_settings(config, data, Path(place) / "run")
        short = settings.optimiser.model_copy(update={"steps": steps + WARM})
        quiet = settings.run.model_copy(update={"checkpoint_seconds": 1e9})
        settings = settings.model_copy(update={"optimiser": short, "run": quiet})
        if settings.run.threads:
            torch.set_num_threads(settings.run.threads)
        examples = examples_of(settings, read_data(settings))
        alone = settings.model_copy(update={"run": quiet.model_copy(update={"workers": 0})})
        cached = seconds_a_step(alone, Cached(examples, steps + WARM))
        return seconds_a_step(settings, examples), cached


def main() -> None:
    """Print both and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("--data", type=Path, help="prepared arrays")
    parser.add_argument("--steps", type=int, default=30)
    args = parser.parse_args()
    loaded, cached = measure(args.config, args.data, args.steps)
    print(f"with its loader {loaded:.3f} s a step, on cached examples {cached:.3f} s: {loaded / cached:.3f} times")


if __name__ == "__main__":
    main()
