"""From Slicer's nodes to the server and back: points are RAS in Slicer and LPS mm on the server."""

import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from LesionTrackerLib.server import Server

Save = Callable[[Any, str], bool]
"""Writes a volume node to a file and says whether it worked."""

States = dict[str, dict[str, Any]]
"""The server's table of what tracks can be, by name; `words` is what readers see."""

NO_FILE_NAME = re.compile(r"""[/\\:*?"<>|\x00-\x1f]+""")
ENDINGS = re.compile(r"\.(nii\.gz|nii|nrrd|mha)", re.IGNORECASE)
LONGEST_BYTES = 150

AXES = {"long": "long_ends_mm", "short": "short_ends_mm"}
"""Names of a track's axes, and where their end points stand, LPS mm."""

SIZE = ("long_axis_mm", "short_axis_mm", "volume_ml", "mean_hu", "size_by", *AXES.values())
"""What is measured of a track at its point, and the reader whose it is."""


class LesionTrackerLogic:
    """Marks in a baseline volume, tracks into a follow-up volume, keeps what the reader says of the answer.

    Args:
        server: the server.
        save: writes a volume node to a file.
    """

    def __init__(self, server: Server, save: Save) -> None:
        self.server = server
        self._save = save
        self.tracks: list[dict[str, Any]] = []
        self.states: States = {}
        self.warnings: list[str] = []

    def ensure_on_server(self, volume: Any, patient: str = "", date: str = "") -> str:
        """Return the server's id of a volume, uploading it first; its name is changed where it cannot be a file's.

        Raises:
            ServerError: if the server refuses it.
            OSError: if it cannot be written.
        """
        study_id = study_id_of(volume.GetName())
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "volume.nrrd"
            if not self._save(volume, str(file)) or not file.exists():
                raise OSError(f"the volume {volume.GetName()!r} cannot be written to {folder}")
            return self.server.upload(study_id, file, patient, date)

    def track(self, baseline_id: str, followup_id: str, points: Any) -> list[dict[str, Any]]:
        """Mark the control points of a list in the baseline and find them in the follow-up.

        Args:
            baseline_id: as `ensure_on_server` returned it.
            followup_id: likewise.
            points: a markups node whose control points lie in the baseline.

        Returns:
            The server's tracks; where a reader drew axes, these instead of the track's own.

        Raises:
            ValueError: without a point.
            ServerError: if the server refuses it.
        """
        lesions = lesions_of(points)
        if not lesions:
            raise ValueError("place a point on a lesion of the baseline first")
        self.server.infer("mark_lesion", baseline_id, {"lesions": lesions})
        answer = self.server.infer("track_lesion", followup_id, {"baseline_image": baseline_id})
        self.tracks = [{**track, **answer["sizes"].get(track["lesion_id"], {})} for track in answer["tracks"]]
        self.states = dict(answer["states"])
        self.warnings = list(answer["warnings"])
        return list(self.tracks)

    def accept(self, number: int) -> None:
        """Say that a track is right."""
        track = self.tracks[number]
        self.server.accept(track["followup_study"], track["lesion_id"], track["created_at"])
        self.tracks[number] = {**track, "note": "accepted by a reader"}

    def correct(self, number: int, shown: Any) -> None:
        """Keep where the reader dragged a track's control point.

        Args:
            number: of the track, and of the control point.
            shown: the markups node that `show` filled.
        """
        track = self.tracks[number]
        center_mm = lps_of(shown, number)
        lesion = {"id": track["lesion_id"], "center_mm": center_mm}
        answer = self.server.infer("correct_lesion", track["followup_study"], {"lesions": [lesion]})
        moved = {**track, **dict.fromkeys(SIZE), "note": "corrected by a reader", "center_mm": center_mm}
        self.tracks[number] = {**moved, **answer["sizes"].get(track["lesion_id"], {})}  # else it was measured elsewhere


def study_id_of(name: str) -> str:
    """Return a volume's name as an id that can be a file's name: "CT 3/5" becomes "CT 3_5"."""
    text = ENDINGS.sub("", NO_FILE_NAME.sub("_", name)).strip()
    while len(text.encode()) > LONGEST_BYTES:
        text = text[:-1]
    return text if text.strip(".") else "volume"


def lps_of(points: Any, number: int) -> list[float]:
    """Return a control point in the patient's LPS mm; transforms of the node are applied."""
    ras = [0.0, 0.0, 0.0]
    points.GetNthControlPointPositionWorld(number, ras)
    return [-ras[0], -ras[1], ras[2]]


def lesions_of(points: Any) -> list[dict[str, Any]]:
    """Return the placed control points of a list as lesions lesion_<their id in Slicer>, under their own names."""
    lesions: list[dict[str, Any]] = []
    for number in range(points.GetNumberOfControlPoints()):
        if points.GetNthControlPointPositionStatus(number) == points.PositionDefined:
            name = f"lesion_{points.GetNthControlPointID(number)}"  # stays with a point when another one is removed
            label = points.GetNthControlPointLabel(number).strip()[:64] or name
            lesions.append({"id": name, "center_mm": lps_of(points, number), "label": label})
    return lesions


def show(
    tracks: Sequence[dict[str, Any]], states: States, points: Any, vector: Callable[[float, float, float], Any]
) -> None:
    """Fill a markups node with tracks, one control point each.

    Args:
        tracks: as the server sent them.
        states: the server's.
        points: the node; what it held before is removed.
        vector: makes a vtkVector3d.
    """
    points.RemoveAllControlPoints()
    for number, track in enumerate(tracks):
        x, y, z = track["center_mm"]
        points.AddControlPointWorld(vector(-x, -y, z), track.get("label") or track["lesion_id"])
        points.SetNthControlPointDescription(number, " · ".join(table_row(track, states)[1:]))


def show_axes(
    tracks: Sequence[dict[str, Any]], make_line: Callable[[str], Any], vector: Callable[[float, float, float], Any]
) -> list[Any]:
    """Draw both axes of each track that was measured; return the lines.

    Args:
        tracks: as the server sent them.
        make_line: makes a line markups node of a name.
        vector: makes a vtkVector3d.
    """
    lines = []
    for track in tracks:
        for name, ends in AXES.items():
            if track.get(ends):
                line = make_line(f"{track.get('label') or track['lesion_id']} {name} axis")
                for x, y, z in track[ends]:
                    line.AddControlPointWorld(vector(-x, -y, z))
                line.SetLocked(True)
                lines.append(line)
    return lines


def jump(number: int, shown: Any, markups_logic: Any) -> bool:
    """Centre Slicer's slice views on a track's control point; return whether there is one.

    Args:
        number: of the track, and of the control point.
        shown: the markups node that `show` filled, or None.
        markups_logic: Slicer's.
    """
    if shown is None or not 0 <= number < shown.GetNumberOfControlPoints():
        return False
    markups_logic.JumpSlicesToNthPointInMarkup(shown.GetID(), number, True)
    return True


def table_row(track: dict[str, Any], states: States) -> tuple[str, str, str, str, str]:
    """Return what the table shows: name, state in words, diameters with their change, confidence, distance moved."""
    note = str(track.get("note", ""))
    state = note if note.endswith("by a reader") else str(states[track["state"]]["words"])
    sure = "" if track.get("calibrated") else " (not calibrated)"
    confidence = f"confidence {track['confidence']:.2f}{sure}"
    label = track.get("label") or track["lesion_id"]
    return label, state, diameters_of(track), confidence, f"moved {track['moved_mm']:.1f} mm"


def diameters_of(track: dict[str, Any]) -> str:
    """Return both axes in words, with the change of the long one since the baseline; "not measured" without."""
    long_mm, short_mm, before_mm = (track.get(f"{name}_axis_mm") for name in ("long", "short", "earlier_long"))
    if long_mm is None or short_mm is None:
        return "not measured"
    change = f" ({long_mm - before_mm:+.1f})" if before_mm is not None else ""
    by = f", by {track['size_by'] or 'an unnamed reader'}" if track.get("size_by") is not None else ""
    return f"{long_mm:.1f} × {short_mm:.1f} mm{change}{by}" + (", check the size" if track.get("check_size") else "")
