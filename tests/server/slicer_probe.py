"""Runs in the environment of slicer-core: loads a volume and a markups file as 3D Slicer does, and prints points.

python slicer_probe.py VOLUME MARKUPS -> JSON: {"points_ras": {label: [x, y, z]}, "ijk": {label: [i, j, k]}}
"""

import json
import sys

import slicer_core as slicer
import vtk

scene = slicer.vtkMRMLScene()
volumes = slicer.vtkSlicerVolumesLogic()
volumes.SetMRMLScene(scene)
volume = volumes.AddArchetypeScalarVolume(sys.argv[1], "ct", 0, None)
to_index = vtk.vtkMatrix4x4()
volume.GetRASToIJKMatrix(to_index)

markups = slicer.vtkSlicerMarkupsLogic()
markups.SetMRMLScene(scene)
markups.LoadMarkups(sys.argv[2], "tracks")
found: dict[str, dict[str, list[float]]] = {"points_ras": {}, "ijk": {}}
for number in range(scene.GetNumberOfNodesByClass("vtkMRMLMarkupsFiducialNode")):
    node = scene.GetNthNodeByClass(number, "vtkMRMLMarkupsFiducialNode")
    for point in range(node.GetNumberOfControlPoints()):
        ras = [0.0, 0.0, 0.0]
        node.GetNthControlPointPositionWorld(point, ras)
        label = node.GetNthControlPointLabel(point)
        found["points_ras"][label] = ras
        found["ijk"][label] = list(to_index.MultiplyPoint([*ras, 1.0])[:3])
sys.stdout.write(json.dumps(found))
