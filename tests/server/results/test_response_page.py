"""The response on the page: what a lesion is, said and refused; and the table that follows from what is stored."""

import csv
import html
import io
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest
from PIL import Image

from lesion_tracker.readers.fate_store import FateStore, traits_said
from lesion_tracker.readers.size_store import Kept, SizeStore
from lesion_tracker.readers.volumes_of import UNKNOWN
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.measurement import Measurement
from lesion_tracker.report.course_chart import course_chart
from lesion_tracker.report.measured_picture import HEADING, PIXELS
from lesion_tracker.report.response_table import ResponseTable, response_table
from lesion_tracker.report.suggestions import suggestions_of
from lesion_tracker.report.svg import spread
from tests.server.review.conftest import STUDIES, Page, page
from tests.server.review.test_page import seen, track_all

__all__ = ["page"]
FIRST, SECOND, THIRD = STUDIES
SVG = "{http://www.w3.org/2000/svg}"


def mark_more(page: Page, count: int) -> None:
    page.marks.mark(
        FIRST, [Lesion(f"lesion_{n}", (3.0 * n, 0.0, -160.0), 4.0, marked_by="dr a") for n in range(2, count + 1)]
    )


def say(page: Page, lesion: str, expect: int = 200, **more: Any) -> Any:
    before = word(page, lesion)
    return page.post(
        "traits", expect, **{"patient": "eve", "lesion": lesion, "reader": "dr b", "before": before} | more
    )


def word(page: Page, lesion: str) -> str:
    said = traits_said(FateStore(page.marks).of_study(study) for study in STUDIES)
    return said[lesion].said_at if lesion in said else ""


def keep_size(page: Page, study: str, lesion: str, long_mm: float, short_mm: float, check: str = "") -> None:
    """Keep axes at a lesion's point, as if they had been measured there."""
    x, y, z = point = page.review.patient("eve").row(lesion).cells[study].center_mm or (0.0, 0.0, 0.0)
    ends = tuple(((x - half, y, z), (x + half, y, z)) for half in (long_mm / 2, short_mm / 2))
    measured = Measurement(point, long_mm, short_mm, *ends, z, 1.0, 40.0, check=check, study_id=study, lesion_id=lesion)
    SizeStore(page.marks).add(study, [Kept(measured, point, 4.0, UNKNOWN)])


def shown(page: Page) -> ResponseTable:
    return response_table(page.http.app.state.shown.patient("eve").result)


def test_a_target_too_many_is_refused_by_name_and_a_word_answers_what_was_seen(page: Page) -> None:
    mark_more(page, 8)
    for number, organ in ((1, "liver"), (2, "Liver"), (3, "lung"), (4, "lung")):
        assert say(page, f"lesion_{number}", role="target", organ=organ)["done"] == f"lesion_{number}: target, {organ}"
    refused = say(page, "lesion_5", 422, role="target", organ=" LIVER ")["detail"]
    assert "lesion_1, lesion_2 are chosen" in refused
    assert "RECIST allows 2" in refused
    say(page, "lesion_5", role="target", organ="liver", node=True)  # lymph nodes are an organ of their own
    assert "RECIST allows 5" in say(page, "lesion_6", 422, role="target")["detail"]
    say(page, "lesion_6", role="non-target", organ="liver")
    say(page, "lesion_2", role="target", organ="Liver")  # the same again is not one more
    stale = say(page, "lesion_1", 409, role="", before="")["detail"]
    assert "target, liver, by dr b" in stale
    say(page, "lesion_1", 422, role="aim")
    say(page, "lesion_1", 422, organ="x" * 65)
    say(page, "lesion_9", 404, role="target")
    whole = page.http.get("/lesions/response", params={"patient": "eve"})
    assert whole.text.count("by dr b, 2") == 6
    assert "For research use only" in whole.text
    assert whole.headers["content-security-policy"].startswith("default-src 'none'")
    assert page.http.get("/lesions/response", params={"patient": "nobody"}).status_code == 404


def test_what_a_lesion_is_is_taken_back_by_who_said_it_and_said_again(page: Page) -> None:
    mark_more(page, 7)
    first = say(page, "lesion_1", role="target", organ="liver", reader="dr a")
    second = say(page, "lesion_1", organ="lung")
    undo = {"patient": "eve", "lesion": "lesion_1"}
    assert (
        "dr b's, not yours" in page.post("traits/undo", 409, **undo, before=second["before"], reader="dr a")["detail"]
    )
    stale = page.post("traits/undo", 409, **undo, before=first["before"], reader="dr a")["detail"]
    assert "(lung, by dr b)" in stale  # an undo belongs to its word
    page.post("traits/undo", 422, **undo, before="", reader="dr b")
    for number in range(2, 7):
        say(page, f"lesion_{number}", role="target")
    refused = page.post("traits/undo", 422, **undo, before=second["before"], reader="dr b")["detail"]
    assert "lesion_1 would be one target too many" in refused  # it would be one again
    say(page, "lesion_2")
    done = page.post("traits/undo", **undo, before=second["before"], reader="dr b")
    assert done["done"] == "lesion_1: taken back (lung)"
    assert (done["before"], done["again"]) == (first["before"], {"role": "", "organ": "lung", "node": False})
    line = next(csv.DictReader(io.StringIO(page.http.get("/lesions/table.csv", params={"patient": "eve"}).text)))
    assert (line["role"], line["organ"], line["node"]) == ("target", "liver", "False")
    page.post("traits", **undo, **done["again"], before=done["before"], reader="dr b")
    assert traits_said([FateStore(page.marks).of_study(FIRST)])["lesion_1"].words == "lung"
    large = page.http.get("/lesions/", params={"patient": "eve", "lesion": "lesion_1", "study": SECOND}).text
    assert [
        text for text in ("dr a said: target, liver", "dr b said: lung", "dr b took back: lung") if text not in large
    ] == []


def test_what_a_lesion_is_stays_when_what_became_of_it_is_taken_back(page: Page) -> None:
    page.post("fate", study=FIRST, lesion="lesion_1", fate="too_small", reader="dr b")
    before = page.http.get("/lesions/changes", params={"patient": "eve"}).json()
    say(page, "lesion_1", role="target")
    assert page.http.get("/lesions/changes", params={"patient": "eve"}).json() != before
    word_ = FateStore(page.marks).of_study(FIRST).fates["lesion_1"].said_at
    page.post("fate", study=FIRST, lesion="lesion_1", fate="", before=word_, reader="dr b")
    kept = FateStore(page.marks).of_study(FIRST)
    assert (kept.fates, kept.traits["lesion_1"].traits.role) == ({}, "target")


def test_the_table_says_lengths_sums_and_what_decided(page: Page) -> None:
    mark_more(page, 4)
    track_all(page)
    axes = {  # of the node its short axis counts
        FIRST: ((40.0, 20.0), (28.0, 20.0), (16.0, 8.0)),
        SECOND: ((20.0, 10.0), (24.0, 16.0), (11.0, 8.0)),
        THIRD: ((34.0, 17.0), (24.0, 16.0), (9.0, 8.0)),
    }
    for study, sizes in axes.items():
        for lesion, both in zip(("lesion_1", "lesion_2", "lesion_3"), sizes, strict=True):
            if study != FIRST:
                page.post("accept", study=study, lesion=lesion, track=seen(page, study, lesion), reader="dr b")
            keep_size(page, study, lesion, *both)
    say(page, "lesion_1", role="target", organ="liver")
    say(page, "lesion_2", role="target", node=True)
    say(page, "lesion_3", role="non-target", organ="lung")
    table = shown(page)
    assert [(name, [line.lesion.id for line in lines]) for name, lines in table.sections] == [
        ("Targets", ["lesion_1", "lesion_2"]),
        ("Non-targets", ["lesion_3"]),
        ("Neither", ["lesion_4"]),
    ]
    liver, node = table.sections[0][1]
    assert [(one.strong, one.after, one.change) for one in liver.entries] == [
        ("40.0", " × 20.0 mm", ""),
        ("20.0", " × 10.0 mm", "-20.0 mm (-50 %)"),
        ("34.0", " × 17.0 mm", "+14.0 mm (+70 %)"),
    ]
    assert [(one.before, one.strong) for one in node.entries] == [
        ("28.0 × ", "20.0"),
        ("24.0 × ", "16.0"),
        ("24.0 × ", "16.0"),
    ]
    assert dict(table.sums) == {  # 40 + 20, 20 + 16, 34 + 16
        "Sum of diameters": ("60.0 mm", "36.0 mm", "50.0 mm"),
        "since baseline": ("", "-24.0 mm (-40 %)", "-10.0 mm (-17 %)"),
        "since the smallest sum": ("", "-24.0 mm (-40 %)", "+14.0 mm (+39 %)"),
        "smallest sum before": ("", "60.0 mm, 2020-01-01", "36.0 mm, 2020-07-01"),
    }
    assert [category for category, _ in table.categories] == ["baseline", "PR", "PD"]
    text = page.http.get("/lesions/response", params={"patient": "eve"}).text
    assert "is 38.9 % and 14.0 mm above the smallest so far, 36.0 mm" in text
    assert "slices 4 mm" in text


@pytest.mark.parametrize(
    ("fate", "strong", "total"),
    [("gone", "0 mm", "16.0 mm"), ("too_small", "5 mm", "21.0 mm"), ("not_assessed", "", "not complete")],
)
def test_a_fate_counts_as_the_rules_say_and_an_unmeasured_target_leaves_the_sum_open(
    page: Page, fate: str, strong: str, total: str
) -> None:
    mark_more(page, 2)
    for lesion, long_mm in (("lesion_1", 40.0), ("lesion_2", 20.0)):
        say(page, lesion, role="target")
        keep_size(page, FIRST, lesion, long_mm, 10.0)
    track_all(page)
    page.post("fate", study=SECOND, lesion="lesion_1", fate=fate, reader="dr b")
    keep_size(page, SECOND, "lesion_2", 16.0, 10.0, check="the two ways differ")
    table = shown(page)
    gone, other = (line.entries for line in table.sections[0][1])
    assert gone[1].strong == strong
    assert table.sums[0][1] == ("60.0 mm", total, "not complete")
    assert "its long axis was not measured" in gone[2].notes
    assert other[1].notes == ("no reader has looked at it: a reader should look; the two ways differ",)


def test_the_page_to_print_has_all_and_the_tables_say_the_same(page: Page) -> None:
    mark_more(page, 2)
    say(page, "lesion_1", role="target", organ="<i>liver</i>")
    track_all(page)
    page.post("accept", study=SECOND, lesion="lesion_1", track=seen(page, SECOND), reader="dr c")
    for study, long_mm in ((FIRST, 30.0), (SECOND, 20.0)):
        keep_size(page, study, "lesion_1", long_mm, 12.0)
    page.post("fate", study=THIRD, lesion="lesion_1", fate="gone", reader="dr d")
    paper = page.http.get("/lesions/paper", params={"patient": "eve"}).text
    for text in (
        "For research use only",
        "accepted by dr c, 2",
        "gone, said by dr d, 2",
        "&lt;i&gt;liver",
        "2021-01-01",
        "<svg",
    ):
        assert text in paper, text
    assert "all targets are gone" in paper
    picture = html.unescape(next(part for part in paper.split('"') if part.startswith("course.png")))
    png = page.http.get(f"/lesions/{picture}")
    assert Image.open(io.BytesIO(png.content)).size == (3 * PIXELS, PIXELS + HEADING)
    table = page.http.get("/lesions/results.csv", params={"patient": "eve"}).content.decode("utf-8-sig")
    lines = [line for line in csv.DictReader(io.StringIO(table)) if line["lesion_id"] == "lesion_1"]
    told = [(line["long_axis_mm"], line["counts_mm"], line["sum_of_diameters_mm"], line["response"]) for line in lines]
    assert told == [("30.0", "30.0", "30.0", "baseline"), ("20.0", "20.0", "20.0", "PR"), ("", "0.0", "0.0", "CR")]
    values = page.http.get("/lesions/results.json", params={"patient": "eve"}).json()
    assert values["studies"][1]["lesions"][0]["size"]["long_axis_mm"] == 20.0
    assert [one["category"] for one in values["response"]] == ["baseline", "PR", "CR"]
    cohort = page.http.get("/lesions/waterfall").text
    assert "eve: -100 %, CR" in cohort
    assert "Left out" not in cohort
    for where in ("paper", "results.csv", "results.json", "course.png"):
        assert page.http.get(f"/lesions/{where}", params={"patient": "nobody", "lesion": "x"}).status_code == 404


def test_the_chart_has_a_true_time_axis_breaks_where_nothing_is_known_and_marks_the_smallest_sum(page: Page) -> None:
    say(page, "lesion_1", role="target")
    track_all(page)
    for study, long_mm in ((FIRST, 30.0), (SECOND, 20.0), (THIRD, 25.0)):
        keep_size(page, study, "lesion_1", long_mm, 12.0)
    result = page.http.app.state.shown.patient("eve").result
    chart = ElementTree.fromstring(course_chart(result))
    x = [
        float(one.attrib["x"])
        for one in chart.iter(f"{SVG}text")
        if one.text in ("2020-01-01", "2020-07-01", "2021-01-01")
    ]
    assert (x[1] - x[0]) / (x[2] - x[0]) == pytest.approx(182 / 366, abs=0.001)  # days of 2020
    texts = [one.text for one in chart.iter(f"{SVG}text")]
    assert "smallest sum 20.0 mm" in texts
    assert [text for text in texts if text in ("PR", "SD", "PD")] == ["PR", "PD"]
    thick = [one for one in chart.iter(f"{SVG}polyline") if one.get("stroke-width") == "2.5"]
    assert [len(one.attrib["points"].split()) for one in thick] == [3]
    page.post("fate", study=SECOND, lesion="lesion_1", fate="not_assessed", reader="dr b")
    broken = ElementTree.fromstring(course_chart(page.http.app.state.shown.patient("eve").result))
    assert not [
        one for one in broken.iter(f"{SVG}polyline") if one.get("stroke-width") == "2.5"
    ]  # a point, a gap, a point


def test_labels_are_spread_in_their_order_and_within_bounds() -> None:
    assert spread([10.0, 12.0, 50.0], 15.0, 0.0, 100.0) == [10.0, 25.0, 50.0]
    assert spread([99.0, 98.0, 20.0], 15.0, 0.0, 100.0) == [100.0, 85.0, 20.0]


def test_outlines_that_meet_or_fall_apart_are_suggested_until_a_reader_says_so(page: Page) -> None:
    mark_more(page, 2)  # 6 mm beside the first

    def outline(lesion: str, *squares: tuple[float, float]) -> None:
        keep_size(page, FIRST, lesion, 20.0, 10.0)
        kept = SizeStore(page.marks).of_study(FIRST)[lesion]
        rings = tuple(
            tuple((x + dx, dy, -160.0) for dx, dy in ((0.0, 0.0), (5.0, 0.0), (5.0, 5.0), (0.0, 5.0), (0.0, 0.0)))
            for x, _ in squares
        )
        SizeStore(page.marks).add(FIRST, [replace(kept, measured=replace(kept.measured, outline=rings))])

    def suggested() -> list[str]:
        return suggestions_of(page.http.app.state.shown.patient("eve").result)

    outline("lesion_1", (0.0, 0.0))
    outline("lesion_2", (6.0, 0.0))
    assert suggested() == []
    outline("lesion_2", (4.0, 0.0))
    assert suggested() == [f"lesion_1 and lesion_2 in {FIRST}: merged? Their outlines meet at z -160.0 mm"]
    outline("lesion_2", (6.0, 0.0), (20.0, 0.0))
    assert suggested() == [f"lesion_2 in {FIRST}: split? Its outline has 2 parts at z -160.0 mm"]
    page.post("fate", study=FIRST, lesion="lesion_2", fate="merged", others=["lesion_1"], reader="dr b")
    assert suggested() == []
