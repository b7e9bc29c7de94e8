"""One run of learning from corrections: prepare, train, test on unseen patients, and publish or keep back."""

import logging
import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from lesion_tracker.errors import InputError, NotReady
from lesion_tracker.network.tracker import Tracker, tracker_from_net
from lesion_tracker.network.tracker_net import TrackerNet
from lesion_tracker.records.counted import counted
from lesion_tracker.training.learning.fine_tuning import (
    FineTuningSettings,
    affordable_steps,
    fine_tune,
    part_of_the_way,
)
from lesion_tracker.training.learning.gate import (
    FEWEST_TESTED,
    Decision,
    Kept,
    PairedErrors,
    best_before,
    corrected_errors,
    decide,
)
from lesion_tracker.training.learning.publish import ModelStore
from lesion_tracker.training.learning.split import Split, split_patients
from lesion_tracker.training.learning.taught import TaughtLesion
from lesion_tracker.training.learning.taught_pairs import TaughtPair, prepare_taught
from lesion_tracker.training.learning.tuned_card import tuned_card
from lesion_tracker.training.learning.validation_inputs import ValidationPair, found_inputs
from lesion_tracker.training.run.checkpoint import only_run
from lesion_tracker.training.run.progress import ProgressFile
from lesion_tracker.training.run.step import StepReport
from lesion_tracker.volumes.volume import Volume

logger = logging.getLogger(__name__)

SHARES = (1.0, 0.9, 0.75, 0.6, 0.5)
"""Of the way from the published weights to the trained ones; the largest is taken that keeps the validation inputs."""

FEWEST_STEPS = 4
"""With fewer steps a training the weights hardly move: the machine is too slow for the minutes given."""


@dataclass(frozen=True)
class Outcome:
    """What a run led to.

    Args:
        version: name of the new weights.
        decision: of the gate.
    """

    version: str
    decision: Decision


@dataclass(frozen=True, eq=False)
class Learning:
    """A run and what it needs.

    Args:
        store: of the weights.
        parent: the published weights, loaded.
        parent_version: their version.
        settings: of fine-tuning.
        validation: the shipped inputs.
        folder: of the run's working files; one run at a time may hold it.
        progress: written while it goes on.
        alive: raises where the run is to end, asked after each step.
    """

    store: ModelStore
    parent: Tracker
    parent_version: str
    settings: FineTuningSettings
    validation: Sequence[ValidationPair]
    folder: Path
    progress: ProgressFile
    alive: Callable[[], None] = field(default=lambda: None)

    def run(self, taught: Sequence[TaughtLesion], read: Callable[[str], Volume]) -> Outcome:
        """Learn from what readers taught.

        Args:
            taught: corrections and accepted tracks.
            read: gives the volume of a study id.

        Returns:
            The version that was written, and whether it was published.

        Raises:
            InputError: if there is too little to learn from, another run holds the folder, or nothing can be written.
        """
        require_enough(taught)
        self.store.require_writable()
        started = time.monotonic()
        with only_run(self.folder):
            shutil.rmtree(self.folder / "studies", ignore_errors=True)
            self.progress.update(stage="preparing the studies")
            try:
                pairs = prepare_taught(taught, read, self.folder / "studies")
                self.alive()
                outcome = self._learn(pairs, len(taught) - sum(len(one.pair.lesions) for one in pairs))
            finally:
                for name in ("studies", "training"):
                    shutil.rmtree(self.folder / name, ignore_errors=True)
        seconds = max(1, round(time.monotonic() - started))
        verdict = "published" if outcome.decision.publish else "kept as a candidate, the published weights stay"
        result = f"{outcome.version} {verdict}: {outcome.decision.reason}"
        self.progress.update(stage="done", total_time=seconds, result=result)
        logger.info("after %d s: %s", seconds, result)
        return outcome

    def _learn(self, pairs: Sequence[TaughtPair], left_out: int) -> Outcome:
        split = _split(pairs, self.settings.seed)
        trainings = len(split.folds) if split.held_out else len(split.folds) + 1
        steps = self._steps_each(pairs, trainings)
        self.progress.update(stage=f"training ({split.name})", total_epochs=steps * trainings)
        trained: list[tuple[TrackerNet, list[TaughtPair]]] = []
        for fold in split.folds:
            taught = [pair for pair in pairs if pair.patient not in fold.tested]
            trained.append((self._train(taught, steps), [pair for pair in pairs if pair.patient in fold.tested]))
        net = trained[0][0] if split.held_out else self._train(pairs, steps)
        self.progress.update(stage="comparing with the published weights")
        share, net, kept = self._as_far_as_it_keeps(net)
        before_mm, after_mm, patients = [], [], []
        for fold_net, tested in trained:
            self.alive()
            before, whose = corrected_errors(self.parent, tested)
            before_mm += before
            after_mm += corrected_errors(self._tracker(part_of_the_way(self.parent, fold_net, share)), tested)[0]
            patients += whose
        decision = decide(PairedErrors(tuple(before_mm), tuple(after_mm), tuple(patients), split.name), kept)
        reason = decision.reason + (
            f"; {counted(left_out, 'taught lesion')} left out: the log says why" if left_out else ""
        )
        decision = replace(decision, reason=reason, figures={**decision.figures, "share_of_the_way": share})
        self.progress.update(best_metric=decision.figures.get("within_10mm_after", 0.0))
        return self._publish(net, decision, pairs, split, steps)

    def _as_far_as_it_keeps(self, net: TrackerNet) -> tuple[float, TrackerNet, Kept]:
        """Return how far to go from the published weights to the trained ones, those weights, and what they keep."""
        before = found_inputs(self.parent, self.validation)
        best = best_before(self.parent.card, sum(before), len(before))
        for share in SHARES:
            self.alive()
            part = part_of_the_way(self.parent, net, share)
            kept = Kept(len(before), sum(before), sum(found_inputs(self._tracker(part), self.validation)), best)
            if kept.keeps:
                break
        return share, part, kept

    def _steps_each(self, pairs: Sequence[TaughtPair], trainings: int) -> int:
        affordable = affordable_steps(self.parent, pairs, self.settings, self.folder / "training")
        steps = affordable // trainings
        if steps < FEWEST_STEPS:
            raise InputError(
                f"this machine can do {affordable} steps in {self.settings.minutes:g} minutes, for {trainings} trainings: "
                "give more minutes, or train where there is a GPU"
            )
        return steps

    def _train(self, taught: Sequence[TaughtPair], steps: int) -> TrackerNet:
        done = self.progress.now.epoch

        def report(step: StepReport) -> None:
            self.alive()
            self.progress.update(epoch=done + step.step)
            logger.info(
                "step %d of %d: loss %.3f, error %.1f mm",
                done + step.step,
                self.progress.now.total_epochs,
                step.loss,
                step.error_mm,
            )

        return fine_tune(self.parent, taught, replace(self.settings, steps=steps), self.folder / "training", report)

    def _tracker(self, net: TrackerNet) -> Tracker:
        copy = TrackerNet(net.config)
        copy.load_state_dict(net.state_dict())
        return tracker_from_net(copy, name="candidate", card=self.parent.card, device=str(self.parent.device))

    def _publish(
        self, net: TrackerNet, decision: Decision, pairs: Sequence[TaughtPair], split: Split, steps: int
    ) -> Outcome:
        self.alive()
        card = tuned_card(self.parent.card, self.parent_version, pairs, self.settings, steps, split, decision)
        version = self.store.add(net, card)
        if decision.publish:
            try:
                self.store.publish(version, self.parent_version)
            except InputError as error:
                decision = replace(decision, publish=False, reason=f"{decision.reason}; but {error}")
        return Outcome(version, decision)


def require_enough(taught: Sequence[TaughtLesion]) -> None:
    """Refuse too little to learn from.

    Raises:
        NotReady: with what there is and what is needed.
    """
    corrected = [lesion for lesion in taught if lesion.verdict == "corrected"]
    patients = {lesion.patient for lesion in corrected}
    if len(corrected) < FEWEST_TESTED or len(patients) < 2:
        raise NotReady(
            f"there are {counted(len(corrected), 'correction')} of {counted(len(patients), 'patient')} and "
            f"{counted(len(taught) - len(corrected), 'accepted track')}: at least {FEWEST_TESTED} corrections of 2 patients "
            "are needed, because new weights are tested on patients that they have not learned from; nothing was started"
        )


def _split(pairs: Sequence[TaughtPair], seed: int) -> Split:
    corrected: Counter[str] = Counter()
    for pair in pairs:
        corrected[pair.patient] += len(pair.corrected)
    try:
        return split_patients(corrected, np.random.default_rng(seed))
    except ValueError as error:
        raise InputError(f"the studies of some corrections could not be read, and of the others: {error}") from None


def summary(outcome: Outcome) -> dict[str, Any]:
    """Return what a client is told of a run."""
    decision = outcome.decision
    return {
        "version": outcome.version,
        "published": decision.publish,
        "reason": decision.reason,
        "figures": decision.figures,
    }
