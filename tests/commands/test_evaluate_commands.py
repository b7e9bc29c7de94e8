"""`evaluate` and `evaluate-dls` write scores.json; wrong files name the entry."""

import hashlib
import json

import pytest

from lesion_tracker.commands.dispatch import main
from lesion_tracker.errors import RegistrationFailed
from lesion_tracker.scoring.comparison import compare
from lesion_tracker.scoring.scores_file import read_scores


def lesion(name, followup_mm, **more):
    return {"id": name, "baseline_mm": [30, 30, 30], "followup_mm": followup_mm, "radius_mm": 8.0, **more}


@pytest.fixture
def call(studies, write, tmp_path):
    """Return a function that evaluates pairs with these lists of lesions and returns code and scores."""

    def run(*lesions_of_pairs, words=()):
        pairs = [
            {"baseline": studies[0].name, "followup": studies[1].name, "lesions": each} for each in lesions_of_pairs
        ]
        out = tmp_path / "scores.json"
        code = main(["evaluate", str(write("pairs.json", {"pairs": pairs})), "--out", str(out), *words])
        return code, json.loads(out.read_text()) if out.exists() else None

    return run


def test_the_scores_of_the_stand_in(call, quick_track, capsys):
    # the stand-in answers (33, 30, 34): 5 mm beside (30, 30, 30), exact for the second lesion
    truth = [lesion("near", [30, 30, 30]), lesion("exact", [33, 30, 34])]
    code, scores = call(truth, [lesion("small", [30, 30, 30], followup_radius_mm=4.0)], words=("--method", "affine"))
    assert code == 0
    assert scores["errors_mm"] == pytest.approx({"near": 5.0, "exact": 0.0, "small": 5.0})
    assert scores["n"] == 3
    assert scores["cpm_at_10mm"] == pytest.approx(2 / 3)  # the small lesion's radius is 4 mm in the follow-up
    assert scores["cpm_at_radius"] == pytest.approx(2 / 3)
    assert scores["within_10mm"] == 1
    assert (scores["med_mm"], scores["med_x_mm"], scores["med_y_mm"], scores["med_z_mm"]) == pytest.approx(
        (10 / 3, 2, 0, 8 / 3)
    )
    assert scores["method"] == "affine"
    assert scores["seconds"]["registration"] == 2.0
    assert scores["seconds"]["network"] == pytest.approx((1.0 + 0.5) / 2)  # a pair's sum over its lesions
    assert scores["seconds"]["total"] >= scores["seconds"]["load"] > 0
    assert "CPM@10mm      66.67 %" in capsys.readouterr().out
    assert [len(asked["lesions"]) for asked in quick_track] == [2, 1]


def test_a_truth_outside_of_the_followup_is_scored_as_it_is_and_said(call, quick_track, capsys):
    code, scores = call([lesion("far", [-30, -30, 30]), lesion("near", [30, 30, 30])], words=("--method", "affine"))
    assert (code, scores["n"]) == (0, 2)
    said = [line for line in capsys.readouterr().err.splitlines() if "is outside the follow-up 'p__20200401'" in line]
    assert [line.startswith("warning: 'far': (-30.0, -30.0, 30.0)") for line in said] == [True]
    assert "were x and y negated?" in said[0]


def test_a_pair_backward_in_time_is_scored_and_said(studies, write, tmp_path, quick_track, capsys):
    pair = {"baseline": studies[1].name, "followup": studies[0].name, "lesions": [lesion("a", [33, 30, 34])]}
    words = ["evaluate", str(write("pairs.json", {"pairs": [pair]})), "--out", str(tmp_path / "scores.json")]
    assert main(words) == 0
    fact = "backward in time: the follow-up's date 20200101 lies before the baseline's 20200401"
    assert f"warning: {fact} (tracked all the same: evaluate)\n" in capsys.readouterr().err
    (asked,) = quick_track
    assert asked["pair"].notes == (f"{fact} (tracked all the same: evaluate)",)


def test_equal_ids_in_two_pairs_are_told_apart(call, quick_track):
    _, scores = call([lesion("a", [30, 30, 30])], [lesion("a", [33, 30, 34])])
    assert scores["errors_mm"] == pytest.approx({"1/a": 5.0, "2/a": 0.0})


def test_wrong_pairs_are_bad_input(call, quick_track, capsys):
    code, scores = call([lesion("a", [30, 30])])
    assert (code, scores) == (2, None)
    assert "pair 1, lesion 1: 'followup_mm'" in capsys.readouterr().err
    assert quick_track == []


def test_an_error_names_its_pair(call, quick_track, monkeypatch, capsys):
    def fail(*args, **kwargs):
        raise RegistrationFailed("they do not match")

    monkeypatch.setattr("lesion_tracker.tracking.session.track", fail)
    code, scores = call([lesion("a", [30, 30, 30])])
    assert (code, scores) == (1, None)
    assert "pairs.json: all pairs were refused; pair 1: they do not match" in capsys.readouterr().err


def test_the_lesions_of_a_refused_pair_are_missed_and_the_others_are_scored(
    call, quick_track, monkeypatch, capsys, tmp_path
):
    from lesion_tracker.tracking import session

    answer = session.track
    calls: list[int] = []

    def second_fails(*args, **kwargs):
        calls.append(1)
        if len(calls) == 2:
            raise RegistrationFailed("they do not match")
        return answer(*args, **kwargs)

    monkeypatch.setattr(session, "track", second_fails)
    words = ("--method", "affine", "--report", str(tmp_path / "report"))
    one, two = [lesion("a", [33, 30, 34])], [lesion("b", [33, 30, 34]), lesion("c", [30, 30, 30])]
    code, scores = call(one, two, [lesion("d", [30, 30, 30])], words=words)
    assert code == 0
    assert scores["n"] == 4
    assert scores["cpm_at_10mm"] == scores["within_10mm"] == pytest.approx(2 / 4)
    assert scores["med_mm"] == pytest.approx(5 / 2)  # of a and d, which were answered
    assert scores["errors_mm"] == {"a": 0.0, "b": None, "c": None, "d": pytest.approx(5.0)}
    assert scores["refused"] == [{"pair": 2, "lesions": 2, "why": "they do not match"}]
    said = capsys.readouterr()
    assert "refused: pair 2, 2 lesions missed: they do not match" in said.err
    assert "refused       1 of 3 pairs, 2 lesions missed" in said.out
    assert "| 2 | 2 | they do not match |" in (tmp_path / "report" / "scores.md").read_text()
    read = read_scores(tmp_path / "scores.json")
    assert [one.missed for one in read] == [False, True, True, False]
    assert compare(read, read).scores["med_mm"].first == pytest.approx(5 / 2)


ENTRY = {
    "target center": [10.0, 20.0, 5.0],
    "predict target center": [12.0, 20.0, 6.0],
    "initial center": [10.0, 20.0, 5.0],
    "target spacing": [0.5, 0.5, 4.0],
    "target recist diameter": [24.0, 12.0],
    "target box": [4.0, 14.0, 3.0, 12.0, 12.0, 4.0],
}


@pytest.mark.parametrize("content", [{"0001": ENTRY}, {"results": [{**ENTRY, "processing time": 3.5}]}])
def test_evaluate_dls_writes_the_same_scores(write, tmp_path, content, capsys):
    out = tmp_path / "scores.json"
    assert main(["evaluate-dls", str(write("answers.json", content)), "--out", str(out)]) == 0
    scores = json.loads(out.read_text())
    assert (scores["n"], scores["method"]) == (1, "predict target center")
    assert scores["errors_mm"] == pytest.approx({"0001": 17**0.5})  # (1, 0, 4) mm
    assert scores["seconds"]["total"] == (3.5 if "results" in content else 0.0)
    assert set(scores) == {
        *("schema", "n", "cpm_at_10mm", "cpm_at_radius", "within_10mm", "med_mm", "med_sd_mm", "med_x_mm", "med_y_mm"),
        *("med_z_mm", "median_mm", "med_x_sd_mm", "med_y_sd_mm", "med_z_sd_mm", "method", "seconds", "errors_mm"),
        *(
            "patients",
            "intervals",
            "signed_median_mm",
            "strata",
            "other_scores",
            "other_scores_n",
            "provenance",
            "lesions",
        ),
    }
    lines = capsys.readouterr().out.splitlines()
    heading = lines.index("other rules, not the benchmark's score:")
    looser = [number for number, line in enumerate(lines) if line.startswith(("within 10 mm", "in the box"))]
    assert looser == [heading + 1, heading + 2]
    assert heading + 3 == len(lines)
    assert "100.00 %   (UAE's CPM@Radius: the answer lies in the target's box)" in lines[-1]


def test_evaluate_dls_counts_no_box_that_is_not_known(write, tmp_path, capsys):
    bare = {key: value for key, value in ENTRY.items() if key != "target box"}
    out, report = tmp_path / "scores.json", tmp_path / "report"
    words = ["--out", str(out), "--report", str(report)]
    assert main(["evaluate-dls", str(write("answers.json", {"0001": bare, "0002": ENTRY})), *words]) == 0
    assert "in the box    100.00 %   (UAE's" in (shown := capsys.readouterr().out)
    assert "; 1 of 2 have no box)" in shown
    assert main(["evaluate-dls", str(write("answers.json", {"0001": bare})), *words]) == 0
    assert "in the box    –   (UAE's" in capsys.readouterr().out
    assert "the answer lies in the target's box | – | – |" in (report / "scores.md").read_text()


def test_evaluate_dls_takes_another_key_or_names_those_there_are(write, tmp_path, capsys):
    path, out = write("answers.json", {"0001": ENTRY}), tmp_path / "scores.json"
    assert main(["evaluate-dls", str(path), "--key", "initial center", "--out", str(out)]) == 0
    assert json.loads(out.read_text())["med_mm"] == 0
    assert main(["evaluate-dls", str(path), "--key", "guess", "--out", str(out)]) == 2
    assert "entry '0001' lacks 'guess'" in capsys.readouterr().err


def test_the_report_has_a_page_and_figures(call, quick_track, tmp_path):
    _, scores = call([lesion("near", [30, 30, 30])], words=("--report", str(tmp_path / "new" / "report")))
    report = tmp_path / "new" / "report"
    assert {path.name for path in report.iterdir()} == {
        *("scores.md", "cumulative_distance.png", "distance_by_stratum.png", "signed_error.png")
    }
    assert "| MED (mean distance) | 5.00 ± 0.00 mm | – |" in (report / "scores.md").read_text()
    (row,) = scores["lesions"]
    assert (row["patient"], row["slice_mm"], row["direction"]) == ("p", 2.0, "forward")
    assert row["prior_mm"] == 0  # the stand-in expects the lesion where it was marked
    assert len(scores["provenance"]["inputs"]) == 3
    inputs = scores["provenance"]["inputs"]
    assert inputs[str(tmp_path / "pairs.json")] == hashlib.sha256((tmp_path / "pairs.json").read_bytes()).hexdigest()


def test_answers_to_other_lesions_than_the_annotated_are_refused(write, tmp_path, capsys):
    answers, out = write("answers.json", {"0001": ENTRY}), tmp_path / "scores.json"
    words = ["evaluate-dls", str(answers), "--out", str(out), "--annotations"]
    assert main([*words, str(write("same.json", {"0001": ENTRY}))]) == 0
    assert main([*words, str(write("more.json", {"0001": ENTRY, "0002": ENTRY}))]) == 2
    assert "entry '0002' is only in the second one (1 and 2 entries" in capsys.readouterr().err
    moved = {**ENTRY, "target center": ENTRY["predict target center"]}
    assert main([*words, str(write("moved.json", {"0001": moved}))]) == 2
    assert "entry '0001': 'target center' is [10.0, 20.0, 5.0], but entry '0001' of" in capsys.readouterr().err


def test_compare_reads_scores_and_benchmark_files(write, tmp_path, capsys):
    path, scores, out = write("answers.json", {"0001": ENTRY}), tmp_path / "scores.json", tmp_path / "comparison.json"
    assert main(["evaluate-dls", str(path), "--key", "initial center", "--out", str(scores)]) == 0
    report = tmp_path / "report"
    assert main(["compare", str(path), str(scores), "--out", str(out), "--report", str(report)]) == 0
    found = json.loads(out.read_text())
    assert (found["n"], found["patients"]) == (1, 0)
    assert found["scores"]["med_mm"]["difference"] == pytest.approx(17**0.5)
    assert (found["scores"]["med_mm"]["wins"], found["scores"]["med_mm"]["losses"]) == (0, 1)
    assert found["scores"]["cpm_at_10mm"] == {
        **{"first": 1.0, "second": 1.0, "difference": 0.0, "interval": None},
        **{"wins": 0, "losses": 0},
    }
    assert (report / "comparison.md").exists()
    assert "wins : losses" in capsys.readouterr().out


def test_compare_refuses_what_is_no_set_of_answers(write, tmp_path, capsys):
    answers, out = write("answers.json", {"0001": ENTRY}), tmp_path / "comparison.json"
    for content, message in [
        ({"schema": 2, "errors_mm": {}}, "unknown schema 2"),
        ({"schema": 1, "errors_mm": {}}, "lacks 'lesions': it was written by an older version"),
        ({"schema": 1, "errors_mm": {}, "lesions": [{"id": "a"}]}, "lesion 1 lacks 'difference_mm', 'radius_mm'"),
        (
            {"schema": 1, "errors_mm": {}, "lesions": [{"id": "a", "difference_mm": [1, 2], "radius_mm": 3}]},
            "lesion 1: 'difference_mm' must be three finite numbers",
        ),
    ]:
        assert main(["compare", str(answers), str(write("other.json", content)), "--out", str(out)]) == 2
        assert message in capsys.readouterr().err
    assert not out.exists()


DIAMETERS = {"source recist diameter": [20.0, 10.0], "source spacing": [0.5, 0.5, 4.0]}


def test_evaluate_response_has_the_row_always_stable(write, tmp_path, capsys):
    truth = write("truth.json", {"0001": {**ENTRY, **DIAMETERS}})  # 10 mm, then 12 mm: progressive disease
    out, wrong = tmp_path / "response.json", write("wrong.json", {"diameters_mm": {"0001": -1}})
    found = write("mine.json", {"diameters_mm": {"0001": 11.5}})
    words = ["evaluate-response", str(truth), "--out", str(out), "--diameters"]
    assert main([*words, str(found), "--report", str(tmp_path)]) == 0
    rows = json.loads(out.read_text())["rows"]
    assert rows["mine"]["mae_mm"] == 0.5
    assert (rows["mine"]["growth_accuracy"], rows["mine"]["response_accuracy"]) == (1, 0)  # +15 % is stable
    assert rows["always stable"]["growth_accuracy"] == 0
    assert rows["true diameters"]["recall"]["progressive disease"] == 1
    assert "always stable" in (tmp_path / "response.md").read_text()
    capsys.readouterr()
    assert main([*words, str(wrong)]) == 2
    assert "'0001' of 'diameters_mm' must be a diameter in mm, got -1" in capsys.readouterr().err
    assert main([*words, str(found), str(found)]) == 2
