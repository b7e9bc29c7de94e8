"""The accuracy benchmark's figures on made-up records, worked out by hand."""

import json
import shutil

import numpy as np
import pytest

from benchmarks.accuracy.answers import answers_of, grouped, resampled
from benchmarks.accuracy.card import card_figures, write_card
from benchmarks.accuracy.cases import shifted_clicks
from benchmarks.accuracy.figures import figures
from benchmarks.accuracy.page import lines, markdown
from benchmarks.accuracy.store import PACKAGES, Store, answering_code, code_of, making_code


def truth(name, change="same", hard=False, radius=8.0):
    return {
        "id": name, "kind": "implant", "change": change, "baseline_mm": [0.0, 0.0, 0.0], "radius_mm": radius,
        "followup_mm": [10.0, 0.0, 0.0], "followup_radius_mm": radius, "moved_mm": 20.0 if hard else 0.0,
        "counted": change not in ("vanished", "outside"), "hard": hard,
    }  # fmt: skip


def said(error_mm, confidence=0.9, state="found"):
    return {
        "center_mm": [10.0 + error_mm, 0.0, 0.0],
        "expected_mm": [10.0, 0, 0],
        "confidence": confidence,
        "state": state,
    }


def record(pair, volume="a"):
    """Ten counted lesions: eight right ones, two wrong, one of them flagged; a vanished one flagged, one not."""
    truths = [truth(f"l{n}", hard=n >= 7) for n in range(10)] + [truth("v1", "vanished"), truth("v2", "vanished")]
    auto = [said(1.0, 0.95)] * 8 + [said(9.0, 0.2, "uncertain"), said(20.0, 0.6)]
    auto += [said(0.0, 0.1, "uncertain"), said(0.0, 0.8)]
    prior = [said(2.0)] * 7 + [said(30.0)] * 3 + [said(0.0)] * 2
    rows = {"affine": prior, "deformable": prior, "dlt": auto, "auto": auto, "refined": auto}
    seconds = {row: {"first": 2.0, "registration": 1.0, "further": [0.2, 0.4]} for row in ("dlt", "auto")}
    shifts = [{"id": "l0", "auto": [[11.0, 0, 0], [10.0, 9.0, 0]], "deformable": [[12.0, 0, 0], [12.0, 0, 0]]}]
    return {"pair": pair, "data": "constructed", "volume": volume, "truth": truths, "rows": rows, "seconds": seconds,
            "shifts": shifts, "failed": {}}  # fmt: skip


RECORDS = [record("a/0"), record("b/0", "b")]


@pytest.fixture(scope="module")
def found():
    return figures(RECORDS, 1)


def test_scores_of_all_and_of_the_hard_part(found):
    assert found["all"]["auto"]["cpm_at_10mm"] == pytest.approx(0.8)
    assert found["all"]["auto"]["med_mm"] == pytest.approx((8 * 1 + 9 + 20) / 10)
    assert found["hard"]["auto"]["cpm_at_10mm"] == pytest.approx(1 / 3)
    assert found["hard"]["deformable"]["cpm_at_10mm"] == 0
    assert found["easy"]["auto"]["n"] == 14
    assert found["all"]["auto"]["signed_median_mm"] == pytest.approx([1, 0, 0])


def test_a_card_quotes_the_figures_and_keeps_its_other_entries(found, tmp_path):
    figures_ = card_figures(found, {"command": "python -m benchmarks.accuracy", "code": "c0de"})
    assert figures_["constructed"]["auto"]["cpm_at_10mm"] == 0.8
    assert figures_["not_found"]["gone"] == {"n": 4, "share": 0.5}
    assert figures_["confidence"]["all_points"]["n"] == 24
    path = tmp_path / "card.json"
    path.write_text('{"name": "dlt-1"}')
    write_card(path, "figures", figures_)
    assert json.loads(path.read_text()) == {"name": "dlt-1", "figures": figures_}


def test_confidence_counts_every_point_that_a_reader_gets(found):
    given = found["confidence"]["all_answers"]
    assert given["share_right"] == pytest.approx(16 / 24)
    assert found["confidence"]["share_right"] == pytest.approx(16 / 20)


def test_states_and_confidence(found):
    assert found["states"]["gone"]["not_found"] == pytest.approx(0.5)
    assert found["states"]["wrong"] == {"n": 4, "not_found": 0.5, "interval": [0.5, 0.5]}
    assert found["states"]["right"]["not_found"] == 0
    assert found["confidence"]["auc"] == 1
    assert found["confidence"]["share_right"] == pytest.approx(0.8)


def test_shifted_clicks_are_compared_with_the_same_lesions(found):
    shifts = found["shifts"]
    assert shifts["auto"]["at_center"] == 1
    assert shifts["auto"]["drop"] == pytest.approx(0.5)  # 9 mm beside a lesion of 8 mm
    assert shifts["deformable"]["drop"] == 0


def test_shifted_clicks_stay_within_a_quarter_radius():
    clicks = shifted_clicks(truth("l", radius=12.0), 200, np.random.default_rng(0))
    distance = np.linalg.norm(clicks, axis=1)
    assert distance.max() <= 3.0
    assert (distance < 1.5).mean() == pytest.approx(1 / 8, abs=0.08)  # even in the ball


def test_resampling_keeps_pairs_whole():
    drawn = resampled(grouped(answers_of(RECORDS, "auto", "constructed")), np.random.default_rng(0))
    assert len(drawn) == 24
    assert all(sum(a.pair == pair for a in drawn) % 12 == 0 for pair in ("a/0", "b/0"))


def test_the_table_says_met_and_missed(found):
    verdicts = {what: met for what, _, _, met in lines(found)}
    assert verdicts["constructed, 20 lesions, CPM@10mm"] is False
    assert verdicts["right: flagged all the same"] is True
    assert verdicts["easy part, MED"] is True
    about = {"command": "x", "weights": "0" * 64, "code": "c", "method": "m"}
    page = markdown(found, about)
    assert "**missed**" in page
    assert "| constructed: hard | 6 | auto | 33.3 |" in page
    json.dumps(found, allow_nan=True)


def test_the_store_goes_on_after_a_torn_line(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.accuracy.store.CACHE", tmp_path)
    store = Store("accuracy", {"seed": 1})
    store.add({"pair": "a/0", "value": 1})
    with store.path.open("a") as file:
        file.write('{"pair": "a/1", "val')
    again = Store("accuracy", {"seed": 1})
    assert set(again.records) == {"a/0"}
    again.add({"pair": "a/2", "value": 2})
    assert set(Store("accuracy", {"seed": 1}).records) == {"a/0", "a/2"}
    assert not Store("accuracy", {"seed": 2}).records


@pytest.mark.long
def test_the_hash_covers_what_an_answer_imports_and_nothing_else(tmp_path, monkeypatch):
    copies = {name: tmp_path / folder.name for name, folder in PACKAGES.items()}
    for name, folder in PACKAGES.items():
        shutil.copytree(folder, copies[name], ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr("benchmarks.accuracy.store.PACKAGES", copies)
    before = answering_code(), making_code()

    def after_a_change_of(module: str) -> tuple[bool, bool]:
        path = tmp_path / module
        text = path.read_text()
        path.write_text(text + "\n# changed\n")
        changed = answering_code() != before[0], making_code() != before[1]
        path.write_text(text)
        return changed

    assert after_a_change_of("lesion_tracker/registration/greedy.py") == (True, False)  # in a process of the pool
    assert after_a_change_of("lesion_tracker/tracking/fusion.py") == (True, False)
    assert after_a_change_of("constructed/growth.py") == (True, True)
    assert after_a_change_of("lesion_tracker/paper/dls_file.py") == (False, False)
    assert after_a_change_of("lesion_tracker/training/run/loop.py") == (False, False)


def test_the_hash_depends_on_the_modules():
    cpm, summary = "lesion_tracker.scoring.cpm", "lesion_tracker.scoring.summary"
    assert code_of(cpm) != code_of(summary)
    assert code_of(cpm) == code_of(cpm)
