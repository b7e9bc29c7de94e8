"""Share out a cohort's pairs: what is done is skipped, what fails is noted, what waits for another pair follows it."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lesion_tracker.commands.cohort.job import reading_in
from lesion_tracker.commands.cohort.plan import Step, lesions_after, payload_of
from lesion_tracker.commands.cohort.results import ResultFolder
from lesion_tracker.commands.work.workers import Outcome, Workers, one_line
from lesion_tracker.errors import InputError
from lesion_tracker.records.lesion import Marked
from lesion_tracker.records.track import Track

logger = logging.getLogger(__name__)

Advance = Callable[[bool], object]
"""Called for each step that is through; True where it was done already."""
STOPPED = "the run was stopped before its turn; the same command goes on"


@dataclass
class CohortRun:
    """What came of a cohort.

    Args:
        tracks: by step.
        errors: by step that has none.
        kept: steps that were done already.
        seconds: that this run took.
        choices: sentences on series that were chosen because a row names the folder of a whole study.
        stopped: by the user, before all steps were through.
    """

    tracks: dict[str, list[Track]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    kept: int = 0
    seconds: float = 0.0
    choices: list[str] = field(default_factory=list)
    stopped: bool = False

    @property
    def tracked(self) -> int:
        """Pairs that this run tracked."""
        return len(self.tracks) - self.kept

    @property
    def pairs_per_hour(self) -> float:
        """Pairs tracked per hour of this run."""
        return 3600 * self.tracked / self.seconds if self.seconds else 0.0


def run_cohort(
    steps: Sequence[Step], workers: Workers, results: ResultFolder, options: Mapping[str, Any], advance: Advance
) -> CohortRun:
    """Track all steps that are not done yet.

    Args:
        steps: as `lesion_tracker.commands.cohort.plan.steps_of` orders them.
        workers: that run `track_job`.
        results: where every pair is kept as soon as it is done.
        options: method, weights, device, cache.
        advance: called for each step that is through.
    """
    run, started = CohortRun(), time.perf_counter()
    job = _Cohort(steps, workers, results, options, advance, run)
    try:
        for step in steps:
            if step.after is None:
                job.begin(step, step.lesions)
        while outcomes := workers.wait():
            for outcome in outcomes:
                job.finish(outcome)
    except KeyboardInterrupt:
        run.stopped = True
        run.errors |= {step.key: STOPPED for step in steps if step.key not in run.tracks and step.key not in run.errors}
    run.seconds = time.perf_counter() - started
    return run


class _Cohort:
    """The steps under way."""

    def __init__(
        self,
        steps: Sequence[Step],
        workers: Workers,
        results: ResultFolder,
        options: Mapping[str, Any],
        advance: Advance,
        run: CohortRun,
    ) -> None:
        self.workers, self.results, self.options, self.advance, self.run = workers, results, options, advance, run
        self.by_key = {step.key: step for step in steps}
        self.next = {step.after.key: step for step in steps if step.after is not None}
        self.stamps: dict[str, str] = {}
        self.chosen: dict[Path, Path] = {}

    def begin(self, step: Step, lesions: Sequence[Marked]) -> None:
        """Hand a step in, unless it is done already or cannot be done."""
        if not lesions:
            self.fail(step, "no lesion is left: the study before shows the place of none")
            return
        try:
            step = self.with_series(step)
            payload = payload_of(step, lesions, self.options)
        except InputError as error:
            self.fail(step, str(error))
            return
        except (OSError, ValueError) as error:  # a path that no system takes, a folder that may not be read
            self.fail(step, f"{step.baseline.image} or {step.followup.image} cannot be read: {one_line(error)}")
            return
        known = self.results.read(step, payload["stamp"])
        if known is not None:
            self.run.kept += 1
            self.through(step, known, kept=True)
            return
        self.stamps[step.key] = payload["stamp"]
        self.workers.submit(step.key, payload)

    def with_series(self, step: Step) -> Step:
        """Return a step whose studies are single series."""
        first = replace(step.baseline, image=self.series(step.baseline.image, step.way == "first"))
        found = replace(step, baseline=first, followup=replace(step.followup, image=self.series(step.followup.image)))
        self.by_key[step.key] = found
        return found

    def series(self, image: Path, has_lesions: bool = False) -> Path:
        """Return the series of a study, chosen once a run."""
        if image not in self.chosen:
            self.chosen[image], sentence = reading_in(self.options).series(image, has_lesions=has_lesions)
            if sentence:
                self.run.choices.append(sentence)
                logger.info("%s", sentence)
        return self.chosen[image]

    def finish(self, outcome: Outcome) -> None:
        """Keep what came of a step, and begin the one that waited for it."""
        step = self.by_key[outcome.key]
        if outcome.error:
            self.fail(step, outcome.error)
            return
        try:
            tracks = self.results.write(step, self.stamps[step.key], outcome.value)
        except InputError as error:  # a full disk: what is tracked next may be smaller
            self.fail(step, str(error))
            return
        self.through(step, tracks)

    def through(self, step: Step, tracks: list[Track], *, kept: bool = False) -> None:
        self.run.tracks[step.key] = tracks
        self.advance(kept)
        following = self.next.get(step.key)
        if following is not None:
            self.begin(following, lesions_after(following, tracks))

    def fail(self, step: Step, reason: str) -> None:
        self.run.errors[step.key] = reason
        self.advance(False)
        following = self.next.get(step.key)
        if following is not None:
            before = f"{step.baseline.date} to {step.followup.date}"
            self.fail(following, f"the pair before it in the chain ({before}) failed")
