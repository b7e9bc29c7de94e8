"""The response on the page: what a lesion is, said and refused; and the table that follows from what is stored."""

from typing import Any

import pytest

from lesion_tracker.readers.fate_store import FateStore, traits_said
from lesion_tracker.readers.size_store import Kept, SizeStore
from lesion_tracker.readers.volumes_of import UNKNOWN
from lesion_tracker.records.lesion import Lesion
from lesion_tracker.records.measurement import Measurement
from lesion_tracker.report.response_table import ResponseTable, response_table
from tests.server.review.conftest import STUDIES, Page, page
from tests.server.review.test_page import seen, track_all

__all__ = ["page"]
FIRST, SECOND, THIRD = STUDIES


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
    html = page.http.get("/lesions/response", params={"patient": "eve"})
    assert html.text.count("by dr b, 2") == 6
    assert "For research use only" in html.text
    assert html.headers["content-security-policy"].startswith("default-src 'none'")
    assert page.http.get("/lesions/response", params={"patient": "nobody"}).status_code == 404


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
    [("gone", "0 mm", "16.0 mm"), ("too_small", "5 mm", "21.0 mm"), ("not_assessed", "", "incomplete")],
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
    assert table.sums[0][1] == ("60.0 mm", total, "incomplete")
    assert "its long axis was not measured" in gone[2].notes
    assert other[1].notes == ("no reader has looked at it: a reader should look; the two ways differ",)
