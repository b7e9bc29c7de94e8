"""A tiny data set in exactly DeepLesion's layout: PNG slices, DL_info.csv and the benchmark's annotations."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from tests.registration.phantom import body_hu

SIZE = 64
PIXEL_MM, SLICE_MM = 5.0, 5.0
SERIES = {"000001_01_01": (0.0, 0.0, 0.0), "000001_02_01": (7.0, -6.0, 11.0)}
"""Where the body of each study lies against the first, mm."""
RANGES = {"000001_01_01": (3, 42), "000001_02_01": (1, 44)}
LESIONS = {"a": ((-40.0, -20.0, 150.0), 16.0), "b": ((60.0, 10.0, 190.0), 10.0)}
"""Body position and longest diameter, mm."""
COLUMNS = (
    *("File_name", "Patient_index", "Key_slice_index", "Measurement_coordinates", "Lesion_diameters_Pixel_"),
    *("Slice_range", "Spacing_mm_px_", "Image_size", "Train_Val_Test"),
)


@dataclass(frozen=True)
class TinyDeepLesion:
    """Where its parts are."""

    images: Path
    info: Path
    annotations: Path


def body_of_voxel(series, columns, rows, numbers):
    """Return the body positions (mm) of pixels of a series; slices are numbered from the head down."""
    shift = np.array(SERIES[series])
    points = np.stack([(columns - 31.5) * PIXEL_MM, (rows - 30.0) * PIXEL_MM, 290.0 - numbers * SLICE_MM], axis=-1)
    return points - shift


def voxel_of_body(series, point):
    """Return (column, row, slice number) of a body position."""
    x, y, z = np.array(point) + SERIES[series]
    return np.array([x / PIXEL_MM + 31.5, y / PIXEL_MM + 30.0, (290.0 - z) / SLICE_MM])


def volume_name(series):
    first, last = RANGES[series]
    return f"{series}_{first:03d}-{last:03d}.nii.gz"


def hu_of_slice(series, number):
    """Return the HU of a slice [row, column]."""
    rows, columns = np.mgrid[:SIZE, :SIZE].astype(np.float64)
    points = body_of_voxel(series, columns, rows, np.full(rows.shape, float(number)))
    noise = np.random.default_rng([int(series[:9].replace("_", "")), number]).normal(0, 8, rows.shape)
    return np.rint(body_hu(points.reshape(-1, 3)).reshape(SIZE, SIZE) + noise).astype(np.int32)


def make(folder: Path) -> TinyDeepLesion:
    """Write the data set."""
    images = folder / "Images_png"
    rows = []
    for series, (first, last) in RANGES.items():
        (images / series).mkdir(parents=True)
        for number in range(first, last + 1):
            stored = (hu_of_slice(series, number) + 32768).astype(np.uint16)
            Image.fromarray(stored).save(images / series / f"{number:03d}.png")
        for point, diameter_mm in LESIONS.values():
            key = round(voxel_of_body(series, point)[2])
            pixels = diameter_mm / PIXEL_MM
            slices = f"{first}, {last}", f"{PIXEL_MM}, {PIXEL_MM}, {SLICE_MM}", f"{SIZE}, {SIZE}", "3"
            rows.append([f"{series}_{key:03d}.png", "1", key, "", f"{pixels}, {pixels * 0.8}", *slices])
    info = folder / "DL_info.csv"
    with info.open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    annotations = folder / "test.json"
    annotations.write_text(json.dumps(_annotations()))
    return TinyDeepLesion(images, info, annotations)


def _annotations():
    entries = {}
    first, second = SERIES
    for name in LESIONS:
        for source, target in ((first, second), (second, first)):
            entries[f"{len(entries) + 1:04d}"] = {**_side("source", source, name), **_side("target", target, name)}
    return entries


def _side(side, series, name):
    point, diameter_mm = LESIONS[name]
    column, row, number = voxel_of_body(series, point)
    center = [float(column), float(row), float(number - RANGES[series][0])]
    pixels = diameter_mm / PIXEL_MM
    return {
        side: volume_name(series),
        f"{side} center": center,
        f"{side} box": [*(c - pixels / 2 for c in center), *[pixels] * 3],
        f"{side} spacing": [PIXEL_MM, PIXEL_MM, SLICE_MM],
        f"{side} recist diameter": [pixels, 0.8 * pixels],
    }
