"""The response of the targets: their sum of diameters against the baseline's and the smallest so far."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lesion_tracker.response.assessment import Finding, percent
from lesion_tracker.response.diameters import NORMAL_NODE_MM, Diameters, targets_of
from lesion_tracker.response.visit import Patient

SHRUNK_PERCENT, GROWN_PERCENT, GROWN_MM = 30.0, 20.0, 5.0
ROUNDING = 1e-6
"""Of sums in floating point, mm: 120 mm is 20 % above 100 mm."""


@dataclass(frozen=True)
class Before:
    """What the studies before one say.

    Args:
        sums_mm: complete sums of diameters by study, earliest first, baseline included.
        baseline_mm: the baseline's sum, or None where it is incomplete.
        was_complete: whether the last evaluable category was CR.
    """

    sums_mm: Mapping[str, float]
    baseline_mm: float | None
    was_complete: bool = False

    @property
    def nadir(self) -> tuple[str, float] | None:
        """The study with the smallest sum, and that sum, mm; the earliest of equal ones."""
        return min(self.sums_mm.items(), key=lambda one: one[1], default=None)


def target_response(patient: Patient, now: Diameters, before: Before) -> Finding | None:
    """Return the response of the targets in a study after the baseline, or None where there are no targets.

    What is missing can only add to the sum: progression can be certain without it, and nothing else can.

    Source: RECIST 1.1, 4.3.1, 4.3.2 and 4.4.3; reappearance by the questions of its appendix and EORTC's clarifications.
    """
    if not targets_of(patient):
        return None
    there = _pathological(patient, now)
    if there and before.was_complete:
        return Finding(
            "PD", f"after a complete response {_listed(patient, there)} is there again", "appendix III; EORTC"
        )
    if not there and not now.missing:
        rest = f"; lymph nodes are normal below {NORMAL_NODE_MM:g} mm" if now.known_mm else ""
        return Finding("CR", f"all targets are gone{rest}", "4.3.1")
    grown = _grown(now, before)
    if grown is not None:
        return grown
    if now.missing:
        name, why = next(iter(now.missing.items()))
        return Finding("NE", f"the sum of diameters is incomplete: {patient[name].name}: {why}", "4.4.3")
    return _against_baseline(now.known_mm, before)


def _grown(now: Diameters, before: Before) -> Finding | None:
    if before.nadir is None:
        return None
    study, nadir_mm = before.nadir
    more_mm = now.known_mm - nadir_mm
    if more_mm < GROWN_MM - ROUNDING or now.known_mm < nadir_mm * (1 + GROWN_PERCENT / 100) - ROUNDING:
        return None
    change = percent(now.known_mm, nadir_mm)
    by = f"{more_mm:.1f} mm" if change is None else f"{change:.1f} % and {more_mm:.1f} mm"
    least = "at least " if now.missing else ""
    rule = (
        f"the sum of diameters, {least}{now.known_mm:.1f} mm, is {by} above the smallest so far, {nadir_mm:.1f} mm "
        f"({study}); progression is {GROWN_PERCENT:g} % and {GROWN_MM:g} mm"
    )
    return Finding("PD", rule, "4.4.3" if now.missing else "4.3.1")


def _against_baseline(sum_mm: float, before: Before) -> Finding:
    if before.baseline_mm is None:
        return Finding(
            "NE", "the sum of diameters at baseline is incomplete: there is nothing to compare with", "4.4.3"
        )
    change = percent(sum_mm, before.baseline_mm) or 0.0
    shown = f"the sum of diameters, {sum_mm:.1f} mm, is {change:+.1f} % of the baseline's {before.baseline_mm:.1f} mm"
    if sum_mm <= before.baseline_mm * (1 - SHRUNK_PERCENT / 100) + ROUNDING:
        return Finding("PR", f"{shown}; partial response is -{SHRUNK_PERCENT:g} %", "4.3.1")
    return Finding("SD", f"{shown}: too little for a response, and no progression from the smallest sum", "4.3.1")


def _pathological(patient: Patient, now: Diameters) -> list[str]:
    """Return what is there of the targets; a lymph node only from 10 mm on."""
    return [
        name for name, mm in now.parts_mm.items() if mm >= (NORMAL_NODE_MM if patient[name].traits.node else ROUNDING)
    ]


def _listed(patient: Patient, names: Sequence[str]) -> str:
    return ", ".join(patient[name].name for name in names)
