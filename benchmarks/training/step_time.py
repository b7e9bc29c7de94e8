"""What a step costs with the loader that draws its examples, and on one cached example: the loader must hide.

Run it alone on the machine: `PYTHONPATH=apps/lesion_tracker python benchmarks/training/step_time.py CONFIG.toml --data FOLDER`
"""

import argparse
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import torch
from torch.utils.data import Dataset

from lesion_tracker.training.examples.example import Example
from lesion_tracker.training.run.loop import Trainer
from lesion_tracker.training.run.settings import TrainingSettings, read_settings
from lesion_tracker.training.run.start import examples_of, new_net, read_data
from lesion_tracker.training.run.step import StepReport

WARM = 4
"""Steps before the clock starts: the loader fills its queue, torch chooses its kernels."""


PAGE = """# A step of training

`{command}`; {processors} processors, load before the start {load:.1f}, torch {torch}. {runs} run(s) of {steps} steps each.

| | median | range |
|---|---|---|
{rows}

Aims on 2 cores: at most 1.5 s a step at a search crop of 32 × 160 × 160 and a template crop of 24 × 128 × 128 voxels
(`step.toml`), and at most 1.15 times a cached step. Peak memory: {own:.1f} GB of the training's process, {workers:.1f} GB of
the largest loader's.
"""


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
    """Print both and their ratio, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("--data", type=Path, help="prepared arrays")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--runs", type=int, default=1, help="of both, one after the other; medians and ranges are said")
    parser.add_argument("--out", type=Path, help="Markdown page")
    args = parser.parse_args()
    load = os.getloadavg()[0]
    runs = [measure(args.config, args.data, args.steps) for _ in range(args.runs)]
    rows = {
        "seconds a step, with its loader": [loaded for loaded, _ in runs],
        "seconds a step, on cached examples": [cached for _, cached in runs],
        "loader's share: their ratio": [loaded / cached for loaded, cached in runs],
    }
    lines = [
        f"| {name} | {median(values):.3f} | {min(values):.3f} to {max(values):.3f} |" for name, values in rows.items()
    ]
    own, workers = (resource.getrusage(who).ru_maxrss / 1e6 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    text = PAGE.format(
        command=" ".join(["python", "benchmarks/training/step_time.py", *sys.argv[1:]]), steps=args.steps, runs=args.runs,
        processors=os.cpu_count(), load=load, torch=torch.__version__, rows="\n".join(lines), own=own, workers=workers,
    )  # fmt: skip
    print(text)
    if args.out:
        args.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
