"""Lesions as other programs write them: 3D Slicer's markups and lists, and tables of any spreadsheet."""

import json
import math
import re

import pytest

from lesion_tracker.errors import FileFormatError
from lesion_tracker.files.marks_file import read_marks
from lesion_tracker.records.lesion import Lesion, Spot, marked_from_json


def markups(tmp_path, *entries):
    path = tmp_path / "marks.mrk.json"
    path.write_text(
        json.dumps({"@schema": "https://raw.githubusercontent.com/…/markups-schema-v1.0.3.json#", "markups": entries})
    )
    return path


def markup(kind="Fiducial", frame="LPS", points=(), **more):
    named = [
        {"id": str(n), "label": label, "position": place, **rest}
        for n, (label, place, rest) in enumerate(points, start=1)
    ]
    return {
        "type": kind,
        "coordinateSystem": frame,
        "coordinateUnits": "mm",
        "controlPoints": named,
        "display": {},
        **more,
    }


def spot(name, center, label=""):
    x, y, z = center
    return Spot(name, (float(x), float(y), float(z)), label)


def lesion(name, center, radius, label=""):
    x, y, z = center
    return Lesion(name, (float(x), float(y), float(z)), radius, label=label)


def table(tmp_path, text, name="marks.csv", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(("frame", "center"), [("LPS", (12.0, -40.0, 93.5)), ("RAS", (-12.0, 40.0, 93.5))])
def test_points_of_slicer_in_either_frame(tmp_path, frame, center):
    path = markups(tmp_path, markup(frame=frame, points=[("F-1", [12, -40, 93.5], {"positionStatus": "defined"})]))
    assert read_marks(path) == [spot("F-1", center, "F-1")]


def test_points_that_were_never_placed_and_names_that_repeat(tmp_path):
    points = [("F", [1, 2, 3], {}), ("F", [4, 5, 6], {}), ("", [7, 8, 9], {})]
    points += [("G", [0, 0, 0], {"positionStatus": "undefined"}), ("H", None, {"positionStatus": "preview"})]
    marks = read_marks(markups(tmp_path, markup(points=points), markup(points=points[:1])))
    assert [(mark.id, mark.center_mm[0]) for mark in marks] == [("F", 1), ("F-2", 4), ("lesion_3", 7), ("F-3", 1)]


def test_a_line_is_the_longest_diameter_and_a_region_its_longest_side(tmp_path):
    line = markup("Line", "RAS", [("a", [0, 0, 10], {}), ("b", [6, 8, 10], {})], name="liver S7")
    region = markup("ROI", name="node", center=[1, 2, 3], size=[10, 24, 12])
    assert read_marks(markups(tmp_path, line, region)) == [
        lesion("liver S7", (-3.0, -4.0, 10.0), math.hypot(6, 8) / 2),
        lesion("node", (1.0, 2.0, 3.0), 12.0),
    ]


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        (
            markup("Angle", points=[("a", [0, 0, 0], {})] * 3, name="an angle"),
            "'an angle', is a Angle of 3 points",
        ),
        (markup("Line", points=[("a", [0, 0, 0], {})]), "is a Line of 1 points"),
        (markup(frame="IJK"), "coordinateSystem is wrong"),
        (markup(coordinateUnits="cm"), "its units are 'cm', not mm"),
        (markup(points=[("a", [0, "x", 0], {})]), "controlPoints.0.position.1 is wrong"),
        (
            markup("Line", points=[("a", [0, 0, 0], {}), ("b", [900, 0, 0], {})]),
            "must be between 0.5 and 200 mm, got 450",
        ),
        (markup(), "has no point that was placed"),
        ("nothing", "markup 1: it is wrong"),
    ],
)
def test_markups_that_are_no_marks(tmp_path, entry, text):
    with pytest.raises(FileFormatError, match=re.escape(text)):
        read_marks(markups(tmp_path, entry))


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        ("x,y,z\n1,2,3\n-4.5,5,6e1\n", [spot("lesion_1", (1, 2, 3)), spot("lesion_2", (-4.5, 5, 60))]),
        (
            "id,x_mm,y_mm,z_mm,radius_mm\nliver,1,2,3,7.5\nnode,4,5,6,\n",
            [lesion("liver", (1, 2, 3), 7.5), spot("node", (4, 5, 6))],
        ),
        ("label,R,A,S,Diameter\nliver,1,2,3,15\n", [lesion("liver", (-1, -2, 3), 7.5)]),
        ("x,y,z,frame\n1,2,3,ras\n1,2,3,LPS\n", [spot("lesion_1", (-1, -2, 3)), spot("lesion_2", (1, 2, 3))]),
        ("id;x;y;z;radius\nLeber;1,5;-2,25;3;7,5\n", [lesion("Leber", (1.5, -2.25, 3), 7.5)]),
        ("id\tx\ty\tz\na\t1\t2\t3\n", [spot("a", (1, 2, 3))]),
        ("seriesuid,coordX,coordY,coordZ,diameter_mm\n1.2.3,1,2,3,9\n", [lesion("lesion_1", (1, 2, 3), 4.5)]),
        ('id,label,x,y,z,note\n1,"node, left",1,2,3,"seen\t"\n', [spot("1", (1, 2, 3), "node, left")]),
        ("label,l,p,s,defined,selected\nF-1,1,2,3,1,1\nF-2,0,0,0,0,1\n", [spot("F-1", (1, 2, 3))]),
    ],
)
def test_tables_of_coordinates(tmp_path, text, marks):
    assert read_marks(table(tmp_path, text)) == marks


@pytest.mark.parametrize(
    ("frame", "center"), [("LPS", (1, 2, 3)), ("0", (-1, -2, 3)), ("RAS", (-1, -2, 3)), ("1", (1, 2, 3))]
)
def test_lists_of_slicer(tmp_path, frame, center):
    text = (
        f"# Markups fiducial file version = 5.6\n# CoordinateSystem = {frame}\n"
        "# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID\n"
        "vtkMRMLMarkupsNode_1,1,2,3,0,0,0,1,1,1,0,F-1,,\n"
    )
    assert read_marks(table(tmp_path, text, "marks.fcsv")) == [spot("vtkMRMLMarkupsNode_1", center, "F-1")]


def test_a_table_of_another_encoding(tmp_path):
    (mark,) = read_marks(table(tmp_path, "id;x;y;z\nMüller;1;2;3\n", encoding="cp1252"))
    assert mark.id == "Müller"


def test_the_tracks_of_an_answer_are_marks(tmp_path):
    text = "lesion_id,label,state,x_mm,y_mm,z_mm,radius_mm\nlesion_1,liver,found,1.0,2.0,3.0,7.5\n"
    assert read_marks(table(tmp_path, text)) == [lesion("lesion_1", (1, 2, 3), 7.5, label="liver")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no rows"),
        ("x,y,z\n", "has no rows"),
        ("i,j,k\n1,2,3\n", "wanted are the coordinates x, y, z (LPS mm)"),
        ("x,y,z,r,a,s\n1,2,3,1,2,3\n", "the columns are ['x', 'y', 'z', 'r', 'a', 's']"),
        ("x,y,z\n1,2,three\n", "row 2: 'z' must be a number, got 'three'"),
        ("x,y,z\n1,2\n", "row 2: 'z' must be a number, got ''"),
        ("x,y,z\n1,2,nan\n", "row 2: "),
        ("x,y,z,frame\n1,2,3,MNI\n", "row 2: its frame is 'MNI', neither LPS nor RAS"),
        ("id,x,y,z\na,1,2,3\nb,1,2,3\na,4,5,6\n", "lesions 1 and 3 have the same id 'a'"),
        ("x,y,z,radius\n1,2,3,0.1\n", "row 2: radius_mm of 'lesion_1' must be between 0.5 and 200 mm"),
    ],
)
def test_tables_that_hold_no_marks(tmp_path, text, said):
    with pytest.raises(FileFormatError, match=re.escape(said)):
        read_marks(table(tmp_path, text))


@pytest.mark.parametrize("name", ["n" * 65, "a\u202eb", "a\0", "\ud800", "e\u0301", " a  b"])
def test_names_are_kept_as_at_every_other_door(tmp_path, name):
    path = tmp_path / "lesions.json"
    point = {"center_mm": [1, 2, 3], "radius_mm": 5}
    path.write_text(json.dumps({"lesions": [{"id": name, **point}, {"id": "A", "label": name, **point}]}))
    if name.strip().startswith(("e", "a  b")):
        assert [mark.label for mark in read_marks(path)] == [{"e": "\u00e9", " ": "a b"}[name[0]]] * 2
    else:
        with pytest.raises(FileFormatError, match="lesion 1: a lesion's name must have 1 to 64 visible characters"):
            read_marks(path)


def test_a_missing_table(tmp_path):
    with pytest.raises(FileFormatError, match="there is no file"):
        read_marks(tmp_path / "none.csv")


def test_marks_survive_a_worker():
    for mark in (spot("a", (1.0, 2.0, 3.0), "A"), lesion("b", (1.0, 2.0, 3.0), 5.0)):
        assert marked_from_json(json.loads(json.dumps(mark.to_json()))) == mark
    with pytest.raises(FileFormatError):
        marked_from_json({"id": "a"})
