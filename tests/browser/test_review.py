"""The review page in a real browser: looking changes nothing, placing is unmistakable, and all of it by keyboard."""

import json
import math
import os
import statistics
import subprocess
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
import uvicorn

from lesion_tracker.readers.lines import now
from lesion_tracker.readers.size_store import SizeStore
from lesion_tracker.records.derived import expected_track
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.report.planes import PLANES
from lesion_tracker.server.access.accounts_file import AccountsFile, set_account
from lesion_tracker.settings import Settings
from lesion_tracker.volumes.grid import Grid
from lesion_tracker.volumes.volume import Volume
from lesion_tracker.volumes.writer import write_volume
from tests.browser.conftest import AXE, CHROMIUM, NODE, PLAYWRIGHT, SHOTS, needs_browser
from tests.server.conftest import free_port
from tests.server.results.test_response_page import keep_size, say
from tests.server.review.conftest import ORIGIN_MM, SHIFT_MM, STUDIES, Page, ShiftingEngine, made_page, page
from tests.server.review.test_page import track_all
from tests.server.review.test_sizes import ellipsoids

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what MONAI Label loads is older than it
    from fastapi.testclient import TestClient

    from lesion_tracker.server.access.routes import accounts_routes
    from lesion_tracker.server.viewers.viewer_files import viewer_routes

__all__ = ["ellipsoids", "page"]
pytestmark = [pytest.mark.browser, needs_browser]
FIRST, SECOND, THIRD = STUDIES
WIDTH_MM = 120.0
PLACE_MM = 0.05
"""The page shows a position to a tenth of a mm."""

TRACKED = np.array([2.0, -1.0, -157.0])
"""Where lesion_1, marked at (0, 0, -160), is tracked in the second study."""

SLICE_MM = 4.0
STEP_OF_SUMS = 4.0
"""What the work of a step of scrolling may take, as sums of 10 million roots on the machine that the test runs on."""

SLICE_OF_SUMS = 0.6
"""What a slice in both studies may take, in the same sums."""

STEP_OF_LEAST = 2.5
"""What a step of the walk may take, as the least that it needs on the machine that the test runs on."""


@pytest.fixture
def address(page: Page) -> Iterator[str]:
    with serving(page.http.app) as url:
        yield url


@pytest.fixture
def tall(tmp_path: Path) -> Iterator[str]:
    """Return the address of a page with 30 studies and 200 lesions, all of them tracked."""
    names = [f"eve__{2000 + n}0101" for n in range(30)]
    volume = Volume(np.zeros((4, 6, 6), np.int16), Grid.from_parts((6, 6, 4), np.full(3, 9.0), np.zeros(3), np.eye(3)))
    for name in names:
        write_volume(volume, tmp_path / f"{name}.nii.gz")
    application, marks, _ = made_page(tmp_path, ShiftingEngine(Settings(), tmp_path / "cache", tmp_path / "model"))
    marks.mark(names[0], [Lesion(f"node_{n}", (n % 40 + 0.5, n % 30 + 0.5, n % 20 + 0.5), 4.0) for n in range(200)])
    for name in names[1:]:
        tracks = [
            expected_track(lesion, names[0], name, lesion.center_mm, 4.0, "none", created_at=now())
            for lesion in marks.lesions(names[0])
        ]
        marks.add_tracks(name, tracks)
    with serving(application) as url:
        yield url


@contextmanager
def serving(application: Any) -> Iterator[str]:
    """Serve an application on a port of its own."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(application, host="127.0.0.1", port=port, log_level="warning", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    end = time.monotonic() + 60
    while not server.started and time.monotonic() < end:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(30)


def drive(address: str, scenario: str, **given: Any) -> dict[str, Any]:
    """Run a scenario of review.js; nothing may fail in the browser, and nothing come from elsewhere."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    options = {"base": address, "shots": str(SHOTS), "study": SECOND, "later": THIRD, **given}
    command = [str(NODE), str(Path(__file__).with_name("review.js")), scenario, json.dumps(options)]
    environment = {**os.environ, "CHROMIUM": str(CHROMIUM), "PLAYWRIGHT": str(PLAYWRIGHT), "NO_PROXY": "127.0.0.1"}
    run = subprocess.run(command, capture_output=True, text=True, timeout=400, env=environment, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    seen: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    assert seen["errors"] == []
    assert seen["foreign"] == []
    return seen


def mark_many(page: Page, count: int) -> None:
    many = [Lesion(f"node_{n}", (n % 20 - 10.0, n % 15 - 7.0, -160.0 + n % 20), 4.0) for n in range(count)]
    page.marks.mark(FIRST, many)


def test_a_reader_tracks_accepts_takes_back_and_corrects(page: Page, address: str) -> None:
    seen = drive(address, "flow")
    assert "2 points tracked in 2 studies" in seen["tracked"]
    assert "accepted" in seen["undone"]
    for plane in PLANES:
        click = seen["clicks"][plane.name]
        x, y = (np.array(click["at"]) - click["size"] / 2) * WIDTH_MM / click["size"]
        expected = TRACKED + x * np.array(plane.right) + y * np.array(plane.down)
        half_pixel = WIDTH_MM / click["size"] / 2
        np.testing.assert_allclose(click["mm"], expected, atol=half_pixel + PLACE_MM)
    answer = next(one for one in page.marks.corrections(SECOND) if one.track.lesion_id == "lesion_1")
    assert (answer.verdict, answer.corrected_by) == ("corrected", "dr browser")
    np.testing.assert_allclose(answer.center_mm, seen["clicks"]["sagittal"]["mm"], atol=PLACE_MM + 1e-6)
    assert "lesion=lesion_1" in seen["next"]
    buttons = seen["buttons"]
    assert buttons["before"] == 1
    for study in STUDIES[:2]:
        assert [lesion.label for lesion in page.marks.lesions(study) if lesion.id == "lesion_1"] == ["hilum"]


def test_a_reader_drags_an_end_saves_takes_back_and_outlines_anew(ellipsoids: Page) -> None:
    track_all(ellipsoids)
    track_all(ellipsoids, what="measure")
    with serving(ellipsoids.http.app) as url:
        seen = drive(url, "size")
    start = np.array(seen["start"])
    by_keys, dragged = start.copy(), start.copy()
    by_keys[0, 0] += (0.5, 2.5, 0.0)
    dragged[0, 1] += np.array([20.0, 4.0, 0.0]) * seen["mm"]
    np.testing.assert_allclose(seen["byKeys"], by_keys, atol=1e-6)
    np.testing.assert_allclose(seen["discarded"], start, atol=1e-6)
    np.testing.assert_allclose(seen["dragged"], dragged, atol=0.1 * seen["mm"] + PLACE_MM)
    long_mm = math.dist(*seen["dragged"][0])
    assert "long axis" in seen["label"]
    assert f"Not saved: {long_mm:.1f} × " in seen["unsaved"]
    np.testing.assert_allclose(seen["kept"], seen["dragged"], atol=1e-3)
    assert f"{long_mm:.1f} × " in seen["shown"]
    assert "by dr browser" in seen["shown"]
    np.testing.assert_allclose(seen["back"], start, atol=1e-6)
    assert "outlined anew" in seen["asked"]
    assert seen["after"] == seen["outline"]
    np.testing.assert_allclose(seen["end"], start, atol=1e-6)
    assert [step.what for step in SizeStore(ellipsoids.marks).steps(SECOND, "lesion_1")] == [
        *("drawn", "undo", "drawn", "automatic")
    ]


def test_a_target_is_said_by_keyboard_and_a_longer_axis_changes_sum_category_and_paper(ellipsoids: Page) -> None:
    track_all(ellipsoids)
    track_all(ellipsoids, what="measure")
    with serving(ellipsoids.http.app) as url:
        seen = drive(url, "response")
    assert (seen["focused"], seen["taken"]) == ("lesion_1", "")
    first, second = (float(text.removesuffix(" mm")) for text in seen["before"]["sums"])
    assert (first, second) == (pytest.approx(20, abs=1), pytest.approx(20, abs=1))  # the drawn ellipsoids, 20 mm long
    assert seen["before"]["categories"] == ["baseline", "SD"]
    assert seen["length"] == pytest.approx(second + 10, abs=0.5)  # four large steps of 2.5 mm along the axis
    assert seen["after"] == {"sums": [f"{first:.1f} mm", f"{seen['length']:.1f} mm"], "categories": ["baseline", "PD"]}
    for width in ("1280", "820"):
        assert seen[width] == {"beyond": 0, "small": 0}, width
    paper = seen["paper"]
    assert (paper["white"], paper["pictures"], paper["beyond"]) == ("rgb(255, 255, 255)", [720], 0)
    for text in ("progressive disease", "For research use only", "target, liver", "marked by dr a"):
        assert text in paper["text"]


def test_looking_never_changes_the_point(page: Page, address: str) -> None:
    track_all(page)
    seen = drive(address, "looking")
    start = np.array(seen["start"])
    np.testing.assert_allclose(start, TRACKED, atol=1e-6)
    # -157 lies between the slices at -160 and -156: five notches down end on the fifth slice below it
    np.testing.assert_allclose(seen["wheel"], [*start[:2], -176.0], atol=1e-6)
    moved = np.array(seen["besideAfter"]) - seen["beside"]
    np.testing.assert_allclose(moved, [0.0, 0.0, -19.0], atol=0.1)  # along the map, which is a shift
    np.testing.assert_allclose(seen["trackpad"], [*start[:2], -172.0], atol=1e-6)  # ten small deltas are one notch
    assert seen["sideways"] == seen["trackpad"]
    np.testing.assert_allclose(seen["top"][2], -200.0 + 19 * SLICE_MM, atol=1e-6)  # the last slice of the scan
    np.testing.assert_allclose(seen["arrow"], [*start[:2], -160.0], atol=1e-6)
    np.testing.assert_allclose(seen["page"][2] - seen["arrow"][2], 3 * SLICE_MM, atol=1e-6)
    assert seen["unlinked"] == seen["linked"]
    assert seen["coronal"][1] < seen["page"][1]
    assert seen["pointAfter"] == seen["point"]
    assert seen["saveDisabled"]
    (answer,) = page.marks.corrections(SECOND)
    assert (answer.verdict, answer.center_mm) == ("accepted", page.marks.tracks(SECOND)[0].center_mm)


def test_a_placed_point_blocks_accept_asks_before_one_leaves_and_once_where_it_is_far(page: Page, address: str) -> None:
    track_all(page)
    seen = drive(address, "placing")
    assert "Not saved" in seen["unsaved"]
    assert seen["acceptDisabled"]
    assert "Enter saves it" in seen["refused"]
    assert seen["left"] == ["beforeunload", "lesion_1"]
    assert seen["discarded"]
    np.testing.assert_allclose(seen["nudged"], TRACKED + np.array([1, 0, 0]), atol=PLACE_MM)
    far = math.dist(seen["far"], TRACKED)
    assert far > 20
    assert f"{far:.0f}" in seen["question"] or f"{far:.1f}" in seen["question"]
    assert seen["kept"] == seen["far"]
    (answer,) = page.marks.corrections(SECOND)
    np.testing.assert_allclose(answer.center_mm, seen["far"], atol=PLACE_MM + 1e-6)


def test_a_study_without_a_point_opens_at_the_registered_place_and_stores_nothing_unasked(
    page: Page, address: str
) -> None:
    seen = drive(address, "untracked")
    np.testing.assert_allclose(seen["focus"], np.array([0, 0, -160]) + SHIFT_MM, atol=0.01)
    assert "registration expects it" in seen["words"]
    assert seen["place"] == "–"
    assert seen["saveDisabled"]
    (lesion,) = page.marks.lesions(SECOND)
    np.testing.assert_allclose(lesion.center_mm, seen["placed"], atol=PLACE_MM + 1e-6)


def test_a_cell_is_closed_by_a_key_and_says_so_after_a_reload(page: Page, address: str) -> None:
    track_all(page)
    seen = drive(address, "closing")
    assert "1 to look at" in seen["counts"]
    assert seen["focused"] == THIRD
    assert "not evaluable" in seen["words"]
    assert seen["held"] == 1
    first, *states, last = seen["list"]  # which is put into a cell once somebody wants it
    assert (first, last) == ("State …", "take it back")
    assert {"gone", "too small to measure", "merged …"} <= set(states)


def test_what_follows_a_moved_point_is_outdated_and_tracked_again_by_one_button(page: Page, address: str) -> None:
    track_all(page)
    seen = drive(address, "outdated")
    assert "1 outdated" in seen["counts"]
    assert "outdated: an earlier point changed" in seen["cell"]
    assert "outdated" not in seen["after"]
    assert seen["button"]
    assert page.marks.tracks(THIRD)[0].baseline_study == SECOND


def test_a_new_lesion_is_marked_in_a_later_study_and_tracked_in_both_directions(page: Page, address: str) -> None:
    track_all(page)
    seen = drive(address, "marking")
    assert "a new lesion in" in seen["unsaved"]
    assert seen["label"] == "new node"
    assert seen["asked"] == "Click the new lesion."
    assert [one.marked_by for one in page.marks.lesions(FIRST) if one.id == "lesion_3"] == ["dr browser"]
    (lesion,) = [one for one in page.marks.lesions(SECOND) if one.id == "lesion_2"]
    for study, steps in ((FIRST, -1), (THIRD, 1)):
        (track,) = [one for one in page.marks.tracks(study) if one.lesion_id == "lesion_2"]
        np.testing.assert_allclose(np.array(track.center_mm) - lesion.center_mm, np.array(SHIFT_MM) * steps, atol=1e-6)


def test_one_reader_notices_what_another_did_and_nobody_answers_without_a_name(page: Page, address: str) -> None:
    track_all(page)
    seen = drive(address, "readers")
    assert "accepted by dr other" in seen["noticed"]
    assert seen["focused"] == "reader"
    (answer,) = page.marks.corrections(SECOND)
    assert answer.corrected_by == "dr other"


def test_who_was_second_is_told_who_was_first_and_what_is_taken_back_is_done_again(page: Page, address: str) -> None:
    track_all(page)
    seen = drive(address, "first")
    assert f"lesion_1 in {SECOND} has changed since this page was loaded: dr other accepted it at 20" in seen["refused"]
    assert "accepted by dr other" in seen["shown"]
    assert f"{THIRD} has changed since this page was loaded: dr other accepted it" in seen["overtaken"]
    assert seen["unsaved"]
    assert seen["kept"] == pytest.approx(seen["placed"], abs=PLACE_MM)
    assert "Not saved" in seen["drawn"]
    assert seen["redrawn"] == seen["drawn"]
    assert "done again (accepted)" in seen["again"]
    assert [page.marks.corrections(study)[0].corrected_by for study in (SECOND, THIRD)] == ["dr other", "dr one"]


def test_a_lesion_that_another_reader_deleted_is_no_longer_shown_as_found(page: Page, address: str) -> None:
    track_all(page)
    seen = drive(address, "deleted")
    assert seen["unsaved"] == "lesion_1 was deleted meanwhile; what you drew here cannot be saved."
    assert "lesion_1" in seen["list"]
    assert "lesion_1" in seen["said"]


def test_a_job_is_followed_to_its_end_after_a_reload(
    page: Page, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release, track = tmp_path / "release", ShiftingEngine.track

    def waiting(*given: Any) -> Any:
        while not release.exists():
            time.sleep(0.02)
        return track(*given)

    monkeypatch.setattr(ShiftingEngine, "track", waiting)
    seen = drive(address, "reloaded", release=str(release))
    assert seen["before"] == seen["after"] == f"0 of 2 studies, now {SECOND}"
    assert "2 points tracked in 2 studies" in seen["tracked"]
    assert seen["hidden"]


def test_points_of_a_replaced_file_are_carried_over_by_one_button(page: Page, address: str, tmp_path: Path) -> None:
    page.http.get(
        "/lesions/crop.png", params={"study": FIRST, "x": 0, "y": 0, "z": -160}
    )  # the former volume is in memory
    page.http.get("/lesions/", params={"patient": "eve"})
    write_volume(replace(page.volume, hu=page.volume.hu[::-1].copy()), tmp_path / f"{FIRST}.nii.gz")
    seen = drive(address, "carry")
    assert "marked in another volume than its file holds now" in seen["note"]
    assert "1 point tracked in 1 study" in seen["carried"]
    assert seen["gone"] == 0
    assert [track.lesion_id for track in page.marks.tracks(FIRST)] == ["lesion_1"]


def test_a_study_that_comes_or_goes_moves_no_cell_below_another_date(page: Page, tmp_path: Path) -> None:
    track_all(page)
    engine = ShiftingEngine(Settings(), tmp_path / "cache", tmp_path / "model")
    application, *_ = made_page(tmp_path, engine, follows=True)
    between = "eve__20201001"
    files = {"from": str(tmp_path / f"{FIRST}.nii.gz"), "to": str(tmp_path / f"{between}.nii.gz")}
    with serving(application) as url:
        seen = drive(url, "coming", **files)
    assert seen["arrived"] == [[FIRST, SECOND, between, THIRD]] * 2
    assert seen["left"] == [[*STUDIES]] * 2
    assert "accepted" in seen["said"]


def test_sixty_cells_are_worked_through_by_keyboard(page: Page, address: str) -> None:
    mark_many(page, 29)
    track_all(page)
    seen = drive(address, "walk", steps=60)
    assert len(page.marks.corrections(SECOND)) == len(page.marks.corrections(THIRD)) == 30
    assert seen["counts"].strip() == "done"
    step, least = statistics.median(seen["ms"]), statistics.median(seen["least"])
    busy, script, *layout = seen["work"]
    work = f"of the page's processor {busy:.0f} ms (script {script:.0f}, layout and style {sum(layout):.0f})"
    figures = f"{step:.0f} ms (median; wished: 200 ms), {work}; the least that it needs: {least:.0f} ms"
    print(f"a step of the walk: {figures}")  # noqa: T201 - figures to report
    assert step < STEP_OF_LEAST * least


def test_one_finds_back_to_the_same_place_with_the_same_window_and_width(page: Page, address: str) -> None:
    mark_many(page, 40)
    track_all(page)
    seen = drive(address, "returning")
    assert len(seen["order"]) == 41
    assert seen["rows"] == 41
    assert seen["after"][:2] == seen["before"][:2]
    assert seen["before"][3] > 1000
    assert abs(seen["after"][2] - seen["before"][2]) <= 1  # px on the screen, whatever height the rows above take
    assert (seen["show"], seen["window"], seen["width"]) == ("uncertain", "lung", "90")
    window, (center, width), is_hidden = seen["dragged"]
    assert (window, is_hidden) == ("own", True)  # a drag is no click
    assert (center, width) == (-500 - 20, 1500 + 120)


def test_thirty_studies_by_two_hundred_lesions_scroll(tall: str) -> None:
    seen = drive(tall, "wide")
    assert seen["cells"] == 30 * 200
    sticky = seen["sticky"]
    assert sticky["scrolled"] > 1000
    assert abs(sticky["dateTop"]) < 2
    assert abs(sticky["nameLeft"]) < 4
    assert sticky["barBottom"] >= 0
    step, work, loop = statistics.median(seen["steps"]), seen["work"], statistics.median(seen["sum"])
    figures = f"{step:.0f} ms (median), {work:.0f} ms of it work; a sum of 10 million roots: {loop:.0f} ms"
    print(f"a step of scrolling: {figures}")  # noqa: T201 - figures to report
    assert work < STEP_OF_SUMS * loop


@pytest.mark.slow
def test_of_5000_lesions_the_first_are_shown_while_the_others_are_sent(page: Page, address: str) -> None:
    """Print the figures; what checks the shapes of arrays in tests, and the requests broken off before, make them larger."""
    mark_many(page, 4999)
    track_all(page)
    sent, used = [], []
    for _ in range(5):
        begin, processor = time.perf_counter(), time.process_time()
        with requests.get(f"{address}/lesions/", params={"patient": "eve"}, stream=True, timeout=240) as answer:
            next(part for part in answer.iter_content(65536) if b'class="row lesion"' in part)
            sent.append(time.perf_counter() - begin)
            used.append(time.process_time() - processor)
    seen = drive(address, "first_rows")
    figures = (
        f"{statistics.median(sent):.2f} s ({statistics.median(used):.2f} s of a processor), at first {sent[0]:.2f} s"
    )
    shown = f"with its pictures after {seen['shown']:.2f} s, all rows after {seen['whole']:.1f} s"
    print(f"5,000 lesions: the first row is sent after {figures}; shown {shown}")  # noqa: T201 - figures to report
    assert seen["shown"] < seen["whole"] / 4
    assert seen["with_rows"] < seen["places"] == 5000
    assert seen["focused"] == "lesion_1"


@pytest.mark.parametrize("lesions", [1, 12, 60])
def test_crops_fill_the_room_with_the_pixels_of_the_screen(page: Page, address: str, lesions: int) -> None:
    mark_many(page, lesions - 1)
    track_all(page)
    sizes = [[1280, 900, 0], [1920, 1080, 0], [820, 1180, 1]]
    seen = drive(address, "layout", sizes=sizes, name=f"layout-{lesions}")
    for width in ("1280", "1920", "820"):
        one = seen[width]
        np.testing.assert_allclose(one["css"], one["natural"], atol=1)
        assert one["css"][0] > (180 if width == "820" else 300)
        assert (one["small"], one["overflow"], one["largeOverflow"]) == (0, 0, 0)
        assert one["axial"] >= (340 if width == "820" else 390)
        assert one["square"]
    assert seen["820"]["tapped"]


def test_paper_is_white_and_holds_all_studies(page: Page, address: str) -> None:
    track_all(page)
    seen = drive(address, "print")
    assert seen["white"] == "rgb(255, 255, 255)"
    assert (seen["beyond"], seen["cells"]) == (0, 3)


def test_nine_studies_fit_an_upright_sheet(tmp_path: Path) -> None:
    names = [f"eve__{2018 + n // 2}{'0115' if n % 2 else '0601'}" for n in range(9)]
    names.sort()
    grid = Grid.from_parts((40, 36, 20), np.array([2.0, 2.0, 4.0]), ORIGIN_MM, np.eye(3))
    volume = Volume(np.random.default_rng(7).integers(-900, 200, grid.shape).astype(np.int16), grid)
    for name in names:
        write_volume(volume, tmp_path / f"{name}.nii.gz")
    engine = ShiftingEngine(Settings(), tmp_path / "cache", tmp_path / "model")
    engine.order = names
    application, marks, review = made_page(tmp_path, engine)
    with TestClient(application) as http:
        page = Page(http, marks, volume, review)
        marks.mark(
            names[0],
            [
                Lesion("lesion_1", (0.0, 0.0, -160.0), 8.0, "nodule of the left lower lobe"),
                Lesion("lesion_2", (9.0, 6.0, -150.0), 8.0),
            ],
        )
        track_all(page)
        for number, lesion in enumerate(("lesion_1", "lesion_2")):
            page.post(
                "traits", patient="eve", lesion=lesion, role="target", organ="lung" if number else "liver", reader="a"
            )
            for n, name in enumerate(names):
                keep_size(page, name, lesion, 38.0 - 2 * (n - 4) * number, 21.5)
    with serving(application) as url:
        assert drive(url, "sheet") | {"errors": [], "foreign": []} == {
            "heads": [6, 3],
            "beyond": 0,
            "errors": [],
            "foreign": [],
        }


def test_a_slice_is_drawn_at_once(page: Page, address: str) -> None:
    track_all(page)
    seen = drive(address, "speed")
    slice_ms, loop = statistics.median(seen["ms"]), statistics.median(seen["sum"])
    figures = f"{slice_ms:.0f} ms (median; wished: 50 ms); a sum of 10 million roots: {loop:.0f} ms"
    print(f"a slice in both studies: {figures}")  # noqa: T201 - figures to report
    assert slice_ms < SLICE_OF_SUMS * loop


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed (make .node/.tried)")
def test_axe_finds_no_serious_barrier(page: Page, address: str, tmp_path: Path) -> None:
    track_all(page)
    say(page, "lesion_1", role="target", organ="lung")
    for study in STUDIES[:2]:
        keep_size(page, study, "lesion_1", 30.0, 12.0)
    (tmp_path / "none").mkdir()
    nothing, _, _ = made_page(tmp_path / "none", ShiftingEngine(Settings(), tmp_path / "cache", tmp_path / "model"))
    eve = f"{address}/lesions/?patient=eve"
    accounts = tmp_path / "accounts.json"
    set_account(accounts, "ann", "a long enough word", "reader")
    page.http.app.include_router(accounts_routes(AccountsFile(accounts)))  # type: ignore[attr-defined]
    page.http.app.include_router(viewer_routes(on_pacs=False))  # type: ignore[attr-defined]
    refused = {
        "no such patient": f"{address}/lesions/?patient=adam",
        "no such response": f"{address}/lesions/response?patient=adam",
        "nothing to print": f"{address}/lesions/paper?patient=adam",
    }
    pages = {
        "start": f"{address}/",
        "log in": f"{address}/login?next=/lesions/",
        "no PACS": f"{address}/ohif/viewer",
        "grid": eve,
        "response": f"{address}/lesions/response?patient=eve",
        "paper": f"{address}/lesions/paper?patient=eve",
        "waterfall": f"{address}/lesions/waterfall",
        "large": f"{eve}&lesion=lesion_1&study={SECOND}",
        "a new lesion": f"{eve}&study={FIRST}",
        **refused,
    }
    with serving(nothing) as empty:
        seen = drive(address, "barriers", axe=str(AXE), pages={**pages, "nobody": f"{empty}/lesions/"}, more=empty)
    assert {name: seen["statuses"][name] for name in pages} == {name: 404 if name in refused else 200 for name in pages}
    page.post("delete", patient="eve", lesion="lesion_1", reader="dr a")
    seen |= drive(address, "barriers", axe=str(AXE), pages={"nothing marked": eve})
    for name in (*pages, "nobody", "nothing marked"):
        assert [one for one in seen[name] if one[0] in ("serious", "critical")] == [], name
