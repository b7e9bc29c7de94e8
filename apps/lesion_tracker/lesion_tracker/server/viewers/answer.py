"""The answer of a task as each client can load it: markups for Slicer, a label map for OHIF, params alone."""

import json
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lesion_tracker.errors import InputError
from lesion_tracker.files.plain_json import plain_json
from lesion_tracker.files.whole import write_text
from lesion_tracker.readers.cell_size import Size
from lesion_tracker.records.track import Track
from lesion_tracker.report.label_map import sphere_label_map, write_label_map
from lesion_tracker.report.markups import markups_from_tracks
from lesion_tracker.server.review.measuring import Measuring
from lesion_tracker.server.viewers.labels import LABEL_VALUES, MOST_LABELS, label_values
from lesion_tracker.volumes.grid import Grid

Form = Literal["markups", "label_map", "none"]
MEASURED = ("long_axis_mm", "short_axis_mm", "long_ends_mm", "short_ends_mm", "volume_ml")
LABEL_MAP_ENDINGS = (".nrrd", ".nii.gz", ".nii")


@dataclass(frozen=True)
class AnswerForm:
    """What file a client can load.

    Args:
        form: markups JSON (Slicer and clients that leave no mark), label map (OHIF), or no file (`output=json`).
        ending: of a label map.
        compress: the label map; OHIF reads only uncompressed ones.
    """

    form: Form
    ending: str = ".nrrd"
    compress: bool = False


def answer_form(request: Mapping[str, Any]) -> AnswerForm:
    """Read from a request which client asks, and what it can load.

    OHIF sends `restore_label_idx` and output=image; Slicer and MONAI Label's Python client send `client_id`.

    Raises:
        InputError: for a label map in a format that cannot be written.
    """
    if request.get("output") == "dicom_seg":
        raise InputError("output=dicom_seg is not offered: a track is a point; take image, json or all")
    if request.get("output") == "json":
        return AnswerForm("none")
    if "restore_label_idx" not in request and request.get("output") != "image":
        return AnswerForm("markups")
    ending = request.get("result_extension") or ".nrrd"
    if ending not in LABEL_MAP_ENDINGS:
        raise InputError(f"result_extension must be one of {', '.join(LABEL_MAP_ENDINGS)}, got {ending!r}")
    return AnswerForm("label_map", ending, request.get("result_compress") is True)


def write_answer(form: AnswerForm, tracks: Sequence[Track], grid: Grid) -> Path | None:
    """Write the file of an answer, in a temporary folder; None where no file is asked for.

    Args:
        form: what the client can load.
        tracks: points in LPS mm of the study that the client shows.
        grid: of that study; a label map lies on exactly this grid.
    """
    if form.form == "none":
        return None
    ending = ".json" if form.form == "markups" else form.ending
    path = Path(tempfile.gettempdir()) / f"lesions_{uuid.uuid4().hex}{ending}"
    if form.form == "markups":
        write_text(json.dumps(markups_from_tracks(tracks), allow_nan=False), path)
    else:
        values = label_values([track.lesion_id for track in tracks])
        labelled = [track for track in tracks if track.lesion_id in values]
        write_label_map(sphere_label_map(grid, labelled, values), grid, path, compress=form.compress)
    return path


def answer_params(tracks: Sequence[Track], /, **more: Any) -> dict[str, Any]:
    """Return the params that every answer has: the label of each lesion's voxels, and which lesions have none."""
    ids = [track.lesion_id for track in tracks]
    left_out = [name for name in ids if name not in LABEL_VALUES]
    warnings = list(more.pop("warnings", ()))
    if left_out:
        warnings.append(f"the viewers offer {MOST_LABELS} labels; not in a label map: {', '.join(left_out)}")
    return plain_json({"label_names": label_values(ids), "left_out": left_out, "warnings": warnings, **more})


def readers_sizes(tracks: Sequence[Track], sizes: Measuring) -> dict[str, dict[str, Any]]:
    """Return the axes that readers drew of tracked lesions, by lesion id, in the words of a track: they count before its own.

    `earlier_long_axis_mm` is there where a reader drew the axes in the baseline, all others where one did in the follow-up.
    """
    drawn = {name: sizes.store.said(name) for one in tracks for name in (one.followup_study, one.baseline_study)}

    def own(study: str, lesion: str) -> Size | None:
        size = sizes.of(study, lesion) if lesion in drawn[study] else None
        return size if size is not None and size.when else None

    found: dict[str, dict[str, Any]] = {}
    for track in tracks:
        here, before = (own(name, track.lesion_id) for name in (track.followup_study, track.baseline_study))
        said: dict[str, Any] = {}
        if here is not None:
            said = {name: getattr(here, name) for name in MEASURED}
            said |= {"mean_hu": None, "check_size": "", "size_by": here.who}
        if before is not None:
            said["earlier_long_axis_mm"] = before.long_axis_mm
        found |= {track.lesion_id: said} if said else {}
    return found
