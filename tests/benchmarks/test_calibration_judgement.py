"""Fitting judgements: stored lesions are judged by the code that answers, each volume is left out once."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.calibration.fit import calibrate, examples_of, fit_logistic
from benchmarks.calibration.judge_fit import ALONE, Answer, Names, fit_judgement, held_out, threshold
from benchmarks.calibration.judge_page import page
from benchmarks.calibration.stored import Stored, file_of, stored_of
from lesion_tracker.tracking.evidence import Evidence
from lesion_tracker.tracking.judge import Rules
from lesion_tracker.tracking.judgement import Judgement
from lesion_tracker.tracking.patch import SIDE, reach_mm

BLANK = dict.fromkeys((field.name for field in fields(Evidence)), 0.5) | {"radius_mm": 8.0}
RADIUS_MM = 8.0


def ball(hu: float, noise_hu: float, rng: np.random.Generator) -> np.ndarray:
    """A lesion of `hu` against 0 HU, as a patch."""
    steps = np.linspace(-1, 1, SIDE) * reach_mm(RADIUS_MM)
    z, y, x = np.meshgrid(steps, steps, steps, indexing="ij")
    inside = np.sqrt(x**2 + y**2 + z**2) < RADIUS_MM
    return np.rint(inside * hu + rng.normal(0, noise_hu, inside.shape)).astype(np.int16)


def one_lesion(name: str, gone: bool, rng: np.random.Generator) -> tuple[dict[str, Any], np.ndarray]:
    """Registration is right where the surroundings are alike, the network where its logit is high."""
    center, hu = rng.uniform(-150, 150, 3), float(rng.uniform(30, 120))
    at = {who: center + rng.normal(0, 1 if rng.random() < 0.8 else 25, 3) for who in ("registration", "network")}
    right = {who: bool(np.linalg.norm(place - center) < 6) for who, place in at.items()}
    apart = float(np.linalg.norm(at["registration"] - at["network"]))
    similarity = float((0.8 if right["registration"] else 0.4) + rng.normal(0, 0.1))
    logit = float((2.0 if right["network"] else -1.0) + rng.normal(0, 0.8))
    evidence = {
        "registration": {"registered": 1.0, "similarity": similarity, "logit": -2.0, "apart_mm": 0.0, "from_network_mm": apart},
        "network": {"registered": 0.0, "similarity": 0.5, "logit": logit, "apart_mm": apart, "from_network_mm": 0.0},
    }  # fmt: skip
    record = {
        "truth": {
            "id": name, "radius_mm": RADIUS_MM, "baseline_mm": center.tolist(), "followup_mm": center.tolist(),
            "followup_radius_mm": RADIUS_MM, "counted": not gone,
        },
        "network_mm": at["network"].tolist(), "peak": logit, "head": None,
        "candidates": [
            {"center_mm": at[who].tolist(), "sources": [who], "evidence": {**BLANK, **own, "contrast_hu": hu}}
            for who, own in evidence.items()
        ],
    }  # fmt: skip
    places = [ball(0.0 if gone or not right[who] else hu, 12.0, rng) for who in evidence]
    return record, np.stack([ball(hu, 8.0, rng), *places])


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[dict[str, Any]], Path]:
    folder, rng = tmp_path_factory.mktemp("patches"), np.random.default_rng(0)
    made = []
    for data, volume in (("usual", "a"), ("usual", "b"), ("usual", "c"), ("failing", "a")):
        lesions = [one_lesion(f"lesion_{n}", n >= 16, rng) for n in range(20)]
        record = {"pair": f"{data}/{volume}/0", "data": data, "volume": volume, "lesions": [one for one, _ in lesions]}
        np.savez(file_of(folder, record["pair"]), **{one["truth"]["id"]: cubes for one, cubes in lesions})
        made.append(record)
    return made, folder


@pytest.fixture(scope="module")
def fitted(records: tuple[list[dict[str, Any]], Path]) -> tuple[list[Stored], Rules, list[Answer], str]:
    lesions = stored_of(*records)
    calibration, _ = calibrate(examples_of(records[0]))
    rules, answers, neighbours = fit_judgement(lesions, "ab" * 32, calibration)
    about = {"code": "c0de", "minutes": 3.0, "fitted": 0.2}
    return lesions, rules, answers, page(answers, rules, {"without neighbours": answers}, neighbours, about)


def test_a_judgement_tells_what_has_gone_and_what_is_wrong(
    fitted: tuple[list[Stored], Rules, list[Answer], str],
) -> None:
    _, rules, answers, _ = fitted
    gone, there = ([one for one in answers if one.lesion.there == there] for there in (False, True))
    presence = [np.mean([one.judged.presence for one in some]) for some in (gone, there)]
    assert presence[0] < 0.5 < 0.8 < presence[1]
    wrong, right = ([one for one in there if one.right == right] for right in (False, True))
    assert np.mean([one.judged.state == "found" for one in wrong]) < 0.5
    assert np.mean([one.judged.state == "found" for one in right]) > 0.9
    own = rules.judgement
    assert own is not None
    assert Judgement.from_json(own.to_json()) == own
    assert own.problem("ab" * 32) == ""
    assert (
        sum(one.lesions for one in own.radii.groups.values()) == 48
    )  # those that are there, of pairs that were not made to fail


def test_each_volume_is_answered_by_what_was_fitted_on_the_others(
    fitted: tuple[list[Stored], Rules, list[Answer], str],
) -> None:
    lesions, rules, answers, _ = fitted
    assert sorted(one.lesion.pair for one in answers) == sorted(one.pair for one in lesions)
    with pytest.raises(ValueError, match="leaving a volume out needs two"):
        held_out([one for one in lesions if one.example.volume == "b"], rules.calibration.agree_mm, ALONE, Names())


def test_the_threshold_keeps_its_promise(fitted: tuple[list[Stored], Rules, list[Answer], str]) -> None:
    _, rules, answers, _ = fitted
    right = [one for one in answers if one.right and not one.lesion.made_to_fail]
    assert np.mean([one.judged.confidence < threshold(answers) for one in right]) <= 0.04
    own = rules.judgement
    assert own is not None
    assert own.found_from == threshold(answers)
    assert [one.judged.state == "found" for one in answers] == [
        one.judged.confidence >= own.found_from for one in answers
    ]


def test_the_page_has_each_figure_and_says_what_is_missed(
    fitted: tuple[list[Stored], Rules, list[Answer], str],
) -> None:
    text = fitted[3]
    assert "80 lesions: 64 are there, 16 have gone" in text
    assert "| called gone | there, usual | ≤ 3 % |" in text
    answers = [one for one in fitted[2] if one.lesion.there]
    assert f"| mean error | there |  | {np.mean([one.error_mm for one in answers]):.2f} mm |" in text
    assert "| agree |" in text
    assert "| disagree | " in text


def test_what_hardly_varies_gets_no_weight_and_what_counts_half_pulls_half() -> None:
    rng = np.random.default_rng(0)
    values = np.column_stack([rng.normal(size=400), 1e-5 * rng.random(400)])
    right = rng.random(400) < 0.5
    assert fit_logistic(values, right).weights[1] == 0.0
    doubled = fit_logistic(np.repeat(values, 2, axis=0), np.repeat(right, 2), weights=np.full(800, 0.5))
    assert doubled.weights == pytest.approx(fit_logistic(values, right).weights)
