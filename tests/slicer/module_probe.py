"""Runs in the environment of slicer-core: drives the module's logic on Slicer's own nodes, and prints what came of it.

python module_probe.py MODULE_FOLDER SERVER BASELINE FOLLOWUP POINTS_LPS_JSON [USER PASSWORD] -> JSON
"""

import json
import sys
from pathlib import Path
from typing import Any

import slicer_core as slicer
import vtk

sys.path.insert(0, sys.argv[1])
from LesionTrackerLib.logic import (
    LesionTrackerLogic,
    diameters_of,
    jump,
    lesions_of,
    lps_of,
    show,
    show_axes,
    table_row,
)
from LesionTrackerLib.server import Server, ServerError

scene = slicer.vtkMRMLScene()
volumes = slicer.vtkSlicerVolumesLogic()
volumes.SetMRMLScene(scene)


def save(volume: Any, path: str) -> bool:
    """Write a volume as Slicer's own "save" does."""
    storage = slicer.vtkMRMLVolumeArchetypeStorageNode()
    scene.AddNode(storage)
    storage.SetFileName(path)
    return bool(storage.WriteData(volume))


baseline = volumes.AddArchetypeScalarVolume(sys.argv[3], "Thorax 5/3 ä: früh.nrrd", 0, None)
followup = volumes.AddArchetypeScalarVolume(sys.argv[4], 'Thorax "spät" <2>', 0, None)
points = slicer.vtkMRMLMarkupsFiducialNode()
scene.AddNode(points)
for x, y, z in json.loads(sys.argv[5]):
    points.AddControlPointWorld(vtk.vtkVector3d(-x, -y, z), "hilum")

logic = LesionTrackerLogic(Server(sys.argv[2], "dr probe", *sys.argv[6:8]), save)
found: dict[str, Any] = {"marked": lesions_of(points)}
ids = [
    logic.ensure_on_server(baseline, "slicer patient", "20200101"),
    logic.ensure_on_server(followup, "slicer patient", "20210101"),
]
found["ids"] = ids
found["tracks"] = logic.track(*ids, points)
shown = slicer.vtkMRMLMarkupsFiducialNode()
scene.AddNode(shown)
show(logic.tracks, logic.states, shown, vtk.vtkVector3d)
found["shown_lps"] = [lps_of(shown, number) for number in range(shown.GetNumberOfControlPoints())]


def line_of(name: str) -> Any:
    """Make a line in the scene."""
    line = slicer.vtkMRMLMarkupsLineNode()
    line.SetName(name)
    scene.AddNode(line)
    return line


lines = show_axes(logic.tracks, line_of, vtk.vtkVector3d)
found["lines"] = [[line.GetName(), [lps_of(line, 0), lps_of(line, 1)]] for line in lines]
found["lengths"] = [line.GetMeasurement("length").GetValue() for line in lines]
found["diameters"] = [diameters_of(track) for track in logic.tracks]
slices = slicer.vtkMRMLSliceNode()
slices.SetLayoutName("Red")
scene.AddNode(slices)
markups = slicer.vtkSlicerMarkupsLogic()
markups.SetMRMLScene(scene)
found["jumped"] = []
for number in (1, 0):
    assert jump(number, shown, markups)
    place = slices.GetSliceToRAS()
    found["jumped"].append([-place.GetElement(0, 3), -place.GetElement(1, 3), place.GetElement(2, 3)])
found["nowhere"] = [jump(number, node, markups) for number, node in ((2, shown), (-1, shown), (0, None))]
logic.accept(0)
x, y, z = found["shown_lps"][1]
shown.SetNthControlPointPositionWorld(1, -(x + 3.0), -y, z)
logic.correct(1, shown)
found["left_lines"] = [line.GetName() for line in show_axes(logic.tracks, line_of, vtk.vtkVector3d)]
found["rows"] = [table_row(track, logic.states) for track in logic.tracks]
found["again"] = logic.ensure_on_server(baseline, "slicer patient", "20200101")
followup.SetName(baseline.GetName())
for name, refused in (
    ("same_name", lambda: logic.ensure_on_server(followup)),
    ("stopped", lambda: Server("http://127.0.0.1:9").has_study("x")),
):
    try:
        refused()
        found[name] = ""
    except ServerError as error:
        found[name] = str(error)
points.RemoveNthControlPoint(0)
found["left"] = [lesion["id"] for lesion in lesions_of(points)]
sys.stdout.write(f"\n{json.dumps(found)}\n")
sys.stdout.write(f"{Path(sys.argv[1]).name}\n")
