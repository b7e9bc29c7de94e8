"""Raw records to the figures of the table, with intervals."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.accuracy.answers import Answer, answers_of, grouped, resampled
from benchmarks.accuracy.measure import ROWS
from benchmarks.accuracy.reliability import area_under_curve, expected_calibration_error
from lesion_tracker.scoring.cpm import hits_at_10mm, score

RESAMPLES = 200
Figure = Callable[[Sequence[Answer]], float]
GROUPS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "all": lambda truth: True,
    "hard": lambda truth: bool(truth["hard"]),
    "easy": lambda truth: not truth["hard"],
    "structures": lambda truth: truth["kind"] == "structure",
    "implants": lambda truth: truth["kind"] == "implant",
}


def figures(records: Sequence[dict[str, Any]], seed: int) -> dict[str, Any]:
    """Return all figures as plain JSON values; what was not measured is absent."""
    found: dict[str, Any] = {"failed": {f"{r['pair']} {row}": why for r in records for row, why in r["failed"].items()}}
    for data in ("lung4dct", "acrin_silver", "acrin_nodes"):
        found[data] = {row: _real(answers_of(records, row, data)) for row in ROWS if answers_of(records, row, data)}
    constructed = {row: answers_of(records, row, "constructed") for row in ROWS}
    if not constructed["auto"]:
        return found
    rng = np.random.default_rng(seed)
    for name, belongs in GROUPS.items():
        parts = {r: [a for a in given if a.truth["counted"] and belongs(a.truth)] for r, given in constructed.items()}
        found[name] = {row: _scores(part, rng) for row, part in parts.items() if part}
    found["changes"] = _by_change(constructed["auto"])
    found["confidence"] = _confidence(constructed["auto"], rng)
    found["states"] = _states(constructed["auto"], rng)
    found["shifts"] = _shifts(records)
    found["seconds"] = _seconds(records)
    return found


def _differences(answers: Sequence[Answer]) -> np.ndarray:
    return np.array([answer.difference_mm for answer in answers])


def _radii(answers: Sequence[Answer]) -> np.ndarray:
    return np.array([answer.truth["followup_radius_mm"] for answer in answers], dtype=np.float64)


def _real(answers: Sequence[Answer]) -> dict[str, Any]:
    wrong_found = [a.truth["id"] for a in answers if a.error_mm > 10 and a.state == "found"]
    return {
        **score(_differences(answers), _radii(answers)).to_json(),
        "errors_mm": {a.truth["id"]: round(a.error_mm, 2) for a in answers},
        "states": {a.truth["id"]: a.state for a in answers},
        "found_beyond_10mm": wrong_found,
    }


def interval(answers: Sequence[Answer], figure: Figure, rng: np.random.Generator) -> list[float]:
    """Return the 2.5 % and 97.5 % quantiles of a figure over resampled base volumes and pairs."""
    volumes = grouped(answers)
    values = [figure(resampled(volumes, rng)) for _ in range(RESAMPLES)]
    known = [value for value in values if np.isfinite(value)]
    return [float(v) for v in np.quantile(known, [0.025, 0.975])] if known else [float("nan")] * 2


def _cpm(answers: Sequence[Answer]) -> float:
    return float(np.mean([answer.right for answer in answers]))


def _med(answers: Sequence[Answer]) -> float:
    return float(np.mean([answer.error_mm for answer in answers]))


def _scores(answers: Sequence[Answer], rng: np.random.Generator) -> dict[str, Any]:
    return {
        **score(_differences(answers), _radii(answers)).to_json(),
        "signed_median_mm": np.median(_differences(answers), axis=0).tolist(),
        "cpm_at_10mm_interval": interval(answers, _cpm, rng),
        "med_interval": interval(answers, _med, rng),
    }


def _by_change(answers: Sequence[Answer]) -> dict[str, Any]:
    table = {}
    for change in sorted({a.truth["change"] for a in answers if a.truth["counted"]}):
        part = [a for a in answers if a.truth["change"] == change]
        table[change] = {"n": len(part), "cpm_at_10mm": _cpm(part), "med_mm": _med(part)}
    return table


def _auc(answers: Sequence[Answer]) -> float:
    return area_under_curve(np.array([a.confidence for a in answers]), np.array([a.right for a in answers]))


def _ece(answers: Sequence[Answer]) -> float:
    return expected_calibration_error(np.array([a.confidence for a in answers]), np.array([a.right for a in answers]))


def _confidence(answers: Sequence[Answer], rng: np.random.Generator) -> dict[str, Any]:
    """Return how well two probabilities mean what they say.

    `placement`, that the point is right if the lesion is there, of lesions that are there; and `confidence`, which a reader
    sees, of all points and (`shown`) of lesions that are there, for which it has to be too modest.
    """
    there = [a for a in answers if a.truth["counted"]]
    counted = [replace(a, confidence=a.placement) for a in there]
    if len(counted) < 10:
        return {}
    return {
        "n": len(counted),
        "auc": _auc(counted),
        "auc_interval": interval(counted, _auc, rng),
        "ece": _ece(counted),
        "ece_interval": interval(counted, _ece, rng),
        "all_answers": _reliability([a for a in answers if a.state != "outside"], rng),
        "mean_confidence": float(np.mean([a.confidence for a in counted])),
        "share_right": _cpm(counted),
        "shown": _reliability(there, np.random.default_rng(0)),
        **_covered(counted, rng),
    }


def _covered(counted: Sequence[Answer], rng: np.random.Generator) -> dict[str, Any]:
    """Return how many of the lesions that are there lie within the distance that was said to hold for 90 %."""
    told = [a for a in counted if a.radius_90_mm is not None]
    if not told:
        return {}
    return {"within": {"n": len(told), "share": _within(told), "interval": interval(told, _within, rng)}}


def _within(answers: Sequence[Answer]) -> float:
    return float(np.mean([a.error_mm <= (a.radius_90_mm or 0.0) for a in answers]))


def _reliability(given: Sequence[Answer], rng: np.random.Generator) -> dict[str, Any]:
    """Return how well the confidence of some points means what it says; those for vanished lesions are wrong."""
    return {
        "n": len(given),
        "auc": _auc(given),
        "auc_interval": interval(given, _auc, rng),
        "ece": _ece(given),
        "ece_interval": interval(given, _ece, rng),
        "mean_confidence": float(np.mean([a.confidence for a in given])),
        "share_right": float(np.mean([a.right for a in given])),
    }


def _share_found(answers: Sequence[Answer]) -> float:
    return float(np.mean([a.state == "found" for a in answers])) if answers else float("nan")


def _states(answers: Sequence[Answer], rng: np.random.Generator) -> dict[str, Any]:
    groups = {
        "vanished": [a for a in answers if a.truth["change"] == "vanished"],
        "outside": [a for a in answers if a.truth["change"] == "outside"],
        "gone": [a for a in answers if not a.truth["counted"]],
        "wrong": [a for a in answers if a.truth["counted"] and not a.right],
        "right": [a for a in answers if a.right],
    }
    return {
        name: {"n": len(part), "not_found": 1 - _share_found(part),
               "interval": interval(part, lambda drawn: 1 - _share_found(drawn), rng)}
        for name, part in groups.items() if part
    }  # fmt: skip


def _shifts(records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return CPM@10mm of the lesions that were clicked again, at their centres and beside them."""
    found: dict[str, Any] = {}
    for row in ("deformable", "auto"):
        at_center, beside = [], []
        for record in records:
            truths = {truth["id"]: (truth, said) for truth, said in _said(record, row)}
            for shifted in record.get("shifts", []):
                truth, said = truths[shifted["id"]]
                at_center.append(_hit(truth, said["center_mm"]))
                beside += [_hit(truth, center) for center in shifted[row]]
        if at_center:
            center, shifted_cpm = float(np.mean(at_center)), float(np.mean(beside))
            found[row] = {
                "lesions": len(at_center), "clicks": len(beside), "at_center": center, "beside": shifted_cpm,
                "drop": center - shifted_cpm,
            }  # fmt: skip
    return found


def _said(record: dict[str, Any], row: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    return list(zip(record["truth"], record["rows"][row], strict=True))


def _hit(truth: dict[str, Any], center_mm: list[float]) -> bool:
    distance = np.linalg.norm(np.array(center_mm) - np.array(truth["followup_mm"]))
    return bool(hits_at_10mm(np.array([distance]), np.array([float(truth["followup_radius_mm"])]))[0])


def _seconds(records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for row in ("dlt", "auto"):
        chests = [r for r in records if r["volume"] == "chest_lidc_0001" and row in r["seconds"]]
        if chests:
            found[row] = {
                "first": float(np.median([r["seconds"][row]["first"] for r in chests])),
                "registration": float(np.median([r["seconds"][row]["registration"] for r in chests])),
                "further": float(np.median([s for r in chests for s in r["seconds"][row]["further"] if s > 0])),
                "pairs": len(chests),
            }
    return found
