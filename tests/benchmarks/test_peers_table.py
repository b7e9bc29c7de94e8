"""The benchmark of the peers: subset, figures worked out by hand, the page, what lacks, and one run from end to end."""

import json
import math
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.accuracy.cases import Loaded, NamedPair
from benchmarks.peers import __main__ as command
from benchmarks.peers.catalog import catalog
from benchmarks.peers.figures import CONSTRUCTED, HARD, SUBSET, figures
from benchmarks.peers.goals import goals
from benchmarks.peers.measure import measure
from benchmarks.peers.memory import PeakMemory
from benchmarks.peers.page import page
from benchmarks.peers.peer import Peer, Seconds, by_map
from benchmarks.peers.run import Row
from benchmarks.peers.subset import subset_of, subset_pairs
from benchmarks.peers.trained import trained_peers
from lesion_tracker.errors import RegistrationFailed, WeightsError
from lesion_tracker.network.config import NetworkConfig
from lesion_tracker.network.tracker_net import TrackerNet
from lesion_tracker.network.weights import save_tracker
from lesion_tracker.tracking.pair import Pair
from lesion_tracker.volumes.writer import write_volume
from tests.registration.phantom import study
from tests.tracking import made_pair

ABOUT = {"command": "python -m benchmarks.peers", "machine": "2 processors", "unmeasured": "", "versions": {"numpy": "1"},
         "method": "by hand"}  # fmt: skip
SUBSET_BY_PAIR = {f"a/{n}": 2 for n in range(6)}


def truth(name, hard=False, counted=True):
    return {"id": name, "baseline_mm": [0.0, 0.0, 0.0], "radius_mm": 8.0, "followup_mm": [10.0, 0.0, 0.0],
            "followup_radius_mm": 8.0, "counted": counted, "hard": hard}  # fmt: skip


def record(pair, errors_mm, data="constructed", first=2.0):
    truths = [truth(f"l{n}", hard=n == 0) for n in range(len(errors_mm))]
    points = [[10.0 + error, 0.0, 0.0] for error in errors_mm]
    return {"pair": pair, "data": data, "volume": "a", "truth": truths, "points_mm": points, "failed": "",
            "seconds": {"first": first, "further": 0.5}, "peak_bytes": 2 * 10**9}  # fmt: skip


def rows():
    pairs = range(6)
    return {
        "deformable": [record(f"a/{n}", [30.0, 1.0, 1.0]) for n in pairs] + [record("s/0", [1.0], "acrin_silver")],
        "auto": [record(f"a/{n}", [2.0, 1.0, 1.0]) for n in pairs] + [record("s/0", [1.3], "acrin_silver")],
        "bspline": [
            {**record(f"a/{n}", [20.0, 3.0], first=18.0), "truth": subset_of(record("", [0] * 3)["truth"], f"a/{n}", 2)}
            for n in pairs
        ],
    }


@pytest.fixture(scope="module")
def found():
    return figures(rows(), SUBSET_BY_PAIR, ["bspline"])


def test_each_set_holds_its_own_lesions(found):
    assert found[CONSTRUCTED]["auto"]["n"] == 18
    assert found[HARD]["deformable"]["med_mm"] == pytest.approx(30)
    assert found[SUBSET]["auto"]["n"] == found[SUBSET]["bspline"]["n"] == 12
    assert "bspline" not in found[CONSTRUCTED]
    assert found["acrin_silver"]["auto"]["n"] == 1
    assert found["lung4dct"] == {}


def test_scores_seconds_and_intervals(found):
    prior = found[CONSTRUCTED]["deformable"]
    assert prior["cpm_at_10mm"] == pytest.approx(2 / 3)
    assert prior["intervals"]["med_mm"] == pytest.approx([32 / 3, 32 / 3])  # every pair has the same mean
    assert (prior["first_s"], prior["further_s"], prior["peak_bytes"]) == (2.0, 0.5, 2 * 10**9)
    assert found["acrin_silver"]["auto"]["intervals"]["med_mm"] is None  # one pair


def test_the_seconds_of_a_quick_run_are_shown_where_there_are_any():
    timed = {"auto": [record("a/0", [1.0], first=1.5), record("a/1", [1.0], first=2.5)]}
    found = figures(rows(), SUBSET_BY_PAIR, ["bspline"], timed)
    assert found[CONSTRUCTED]["auto"]["first_s"] == found[HARD]["auto"]["first_s"] == 2.0
    timed = {"auto": [record("a/0", [1.0], first=1.5)]}
    found = figures(rows(), SUBSET_BY_PAIR, ["bspline"], timed)
    assert found[SUBSET]["auto"]["first_s"] == 1.5
    assert found["acrin_silver"]["auto"]["first_s"] == 2.0  # not timed on these data
    assert found[CONSTRUCTED]["auto"]["n"] == 18


def test_auto_is_compared_lesion_by_lesion(found):
    assert found["comparison"]["deformable"]["scores"]["cpm_at_10mm"]["wins"] == 6
    assert found["comparison"]["bspline"]["n"] == 12


def test_goals_say_reached_or_missed(found):
    lines = {what: (got, ok) for what, _, got, ok in goals(found)}
    assert lines["constructed, CPM@10mm"] == ("100.0%; next: `deformable` 66.7%", True)
    assert lines["acrin_silver, MED"] == ("+0.30 mm", False)
    assert lines["seconds to the first lesion, against `bspline`"] == ("9.0 times", True)


def test_a_row_that_is_not_complete_is_no_rival():
    part = rows()
    part["deformable"] = [record("a/0", [0.0, 0.0, 0.0])]
    lines = [what for what, *_ in goals(figures(part, SUBSET_BY_PAIR, ["bspline"]))]
    assert "constructed, MED" not in lines


def test_the_page_has_every_row_and_the_papers(found, tmp_path):
    text = page(found, catalog(tmp_path, "cpu"), ABOUT)
    for name in (
        "affine",
        "voxelmorph",
        "siamrpn++ 3d",
        "detector 3d + embedding (image)",
        "dlt-1000",
        "dlt-ssl",
        "dlt-mix",
        "deeds",
    ):
        assert f"`{name}`" in text
    assert "other data" in text
    assert "| DLT | 78.85 | 86.88 |" in text
    assert "| `dlt` | not trained: no published weights" in text
    assert "**missed**" in text
    assert "(peers/MISSED.md)" in text


def test_the_subset_is_the_same_twenty_lesions_in_every_run():
    cases = [NamedPair(f"v{n % 2}/{n // 2}", "constructed", "v", lambda: None) for n in range(30)]
    cases.append(NamedPair("lung4dct/0", "lung4dct", "lung4dct", lambda: None))
    drawn = subset_pairs(cases)
    assert sum(drawn.values()) == 20
    assert len(drawn) == 10
    assert drawn == subset_pairs(cases[::-1])
    truths = [truth(f"l{n}") for n in range(10)]
    assert subset_of(truths, "v0/1", 2) == subset_of(truths, "v0/1", 2)
    assert sum(subset_pairs(cases, 3).values()) == 20


def case():
    marked = [truth("a"), truth("gone", counted=False)]
    volume = made_pair.pair(made_pair.texture(), made_pair.texture())
    return NamedPair("a/0", "constructed", "a", lambda: Loaded(volume, marked, {}))


def test_a_lesion_that_is_gone_is_not_asked_for():
    asked = []

    def find(pair: Pair, lesions):
        asked.extend(lesion.id for lesion in lesions)
        return np.array([[10.0, 0.0, 0.0]]), Seconds(1.0, None)

    found = measure(case(), find, None)
    assert asked == ["a"]
    assert found["points_mm"] == [[10.0, 0.0, 0.0]]
    assert found["peak_bytes"] > 10**7
    assert json.loads(json.dumps(found)) == found


def test_a_peer_that_gives_up_or_gives_nonsense_is_named():
    def fails(pair, lesions):
        raise RegistrationFailed("no overlap")

    assert measure(case(), fails, None)["failed"] == "RegistrationFailed: no overlap"
    assert measure(case(), fails, None)["points_mm"] == [[0.0, 0.0, 0.0]]
    odd = measure(case(), by_map(lambda pair: lambda points: points * np.nan), None)
    assert "not finite" in odd["failed"]


def test_a_row_without_content_is_refused():
    with pytest.raises(ValueError, match="must either find lesions or say what is lacking"):
        Peer("x", "note", None)


@pytest.mark.long
def test_memory_of_the_block_is_seen():
    with PeakMemory() as before:
        pass
    with PeakMemory() as within:
        block = np.ones(1500 * 2**20, dtype=np.uint8)
    assert block[-1] == 1
    assert within.bytes_ >= before.bytes_ + 150 * 2**20


def test_weights_of_a_peer_are_taken_where_they_lie(tmp_path):
    assert all(peer.find is None and "not trained" in peer.lacking for peer in trained_peers("cpu", tmp_path))
    small = NetworkConfig((1, 1, 1), growth=8, stem=8, bottleneck=2, features=8, global_kernel=(3, 5, 5), anatomy=False)
    save_tracker(TrackerNet(small), tmp_path / "siamrpnpp-3d", {"name": "s"})
    siamese = next(peer for peer in trained_peers("cpu", tmp_path) if peer.name == "siamrpn++ 3d")
    assert siamese.find is not None
    assert len(siamese.decided_by["weights"]) == 64


def test_weights_of_another_network_are_refused(tmp_path):
    other = NetworkConfig((1, 1, 1), growth=8, stem=8, bottleneck=2, features=8, global_kernel=(3, 5, 5))
    save_tracker(TrackerNet(other), tmp_path / "siamrpnpp-3d", {"name": "s"})
    with pytest.raises(WeightsError, match="anatomy is True"):
        trained_peers("cpu", tmp_path)


def test_without_data_it_says_what_is_missing(tmp_path, capsys):
    assert command.main(["--data", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "lung4dct.json" in said
    assert "chest_lidc_0001.nii.gz" in said
    assert "BENCHMARK_DATA" in said


@pytest.fixture
def tiny_data(tmp_path):
    pairs = tmp_path / "data" / "pairs"
    pairs.mkdir(parents=True)
    for name, shift in (("old", (0.0, 0.0, 0.0)), ("new", (8.0, -4.0, 20.0))):
        write_volume(study((60.0, 200.0), (6.0, 6.0, 6.0), origin_shift_mm=shift), pairs / f"{name}.nii.gz")
    lesion = {"id": "a", "baseline_mm": [20.0, 10.0, 130.0], "followup_mm": [28.0, 6.0, 150.0], "radius_mm": 8.0}
    entry = {"baseline": "old.nii.gz", "followup": "new.nii.gz", "lesions": [lesion]}
    for name in ("lung4dct", "acrin_silver", "acrin_nodes"):
        (pairs / f"{name}.json").write_text(json.dumps({"pairs": [entry]}))
    return tmp_path / "data"


@pytest.mark.long
def test_a_run_measures_writes_and_goes_on_where_it_stopped(tiny_data, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("benchmarks.accuracy.store.CACHE", tmp_path / "cache")
    monkeypatch.setattr(command, "CACHE", tmp_path / "cache")
    words = ["--data", str(tiny_data), "--constructed", "0", "--only", "affine", "dlt", "--model", str(tmp_path),
             "--out", str(tmp_path / "out"), "--silent", "--device", "cpu"]  # fmt: skip
    assert command.main([*words, "--minutes", "0"]) == 0
    assert "`affine` lacks 3 pairs" in capsys.readouterr().out
    assert command.main(words) == 0
    scores = json.loads((tmp_path / "out" / "results.json").read_text())["figures"]["acrin_nodes"]["affine"]
    assert scores["cpm_at_10mm"] == 1.0
    assert scores["failed"] == {}
    assert scores["first_s"] > 0

    assert "quick run for: no row" in (tmp_path / "out" / "RESULTS.md").read_text()
    assert command.main([*words, "--quick"]) == 0
    monkeypatch.setattr("benchmarks.peers.run._process", lambda: pytest.fail("something was measured again"))
    assert command.main(words) == 0
    whole = (tmp_path / "out" / "RESULTS.md").read_text()
    assert "lacks" not in whole
    assert "quick run for: `affine`" in whole


def test_a_row_whose_process_dies_goes_on_with_the_next_pair(tmp_path, monkeypatch):
    class Dying:
        def submit(self, work, job):
            future = Future()
            future.set_exception(BrokenProcessPool("killed"))
            return future

        def shutdown(self, cancel_futures=False):
            pass

    monkeypatch.setattr("benchmarks.accuracy.store.CACHE", tmp_path)
    monkeypatch.setattr("benchmarks.peers.run._process", Dying)
    options = {"data": tmp_path, "constructed": 2, "model": tmp_path, "device": "cpu"}
    peer = Peer("x", "note", by_map(lambda pair: lambda points: points))
    two = [case(), replace(case(), name="a/1")]
    assert list(Row(peer, two, {}, options).measure(math.inf)) == ["a/0", "a/1"]
    again = Row(peer, two, {}, options)
    assert again.missing == []
    assert [record["failed"] for record in again.records] == ["its process died: not enough memory?"] * 2
    assert figures({"x": again.records}, {}, [])[CONSTRUCTED]["x"]["failed"].keys() == {"a/0", "a/1"}


def test_an_unknown_row_is_refused(tiny_data, capsys):
    assert command.main(["--data", str(tiny_data), "--constructed", "0", "--only", "afine"]) == 2
    assert "there is no row 'afine'; known: affine" in capsys.readouterr().err
