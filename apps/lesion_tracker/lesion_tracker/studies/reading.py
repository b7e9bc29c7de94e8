"""How a user's path becomes a study and its volume: the series is chosen where there are several, then read."""

from dataclasses import dataclass, replace
from pathlib import Path

from lesion_tracker.errors import FileFormatError
from lesion_tracker.studies.series_folders import series_in
from lesion_tracker.studies.study import Study, study_id_of
from lesion_tracker.studies.timeline import study_of
from lesion_tracker.volumes.limits import MOST_MB
from lesion_tracker.volumes.reader import read_volume
from lesion_tracker.volumes.volume import Volume


@dataclass(frozen=True)
class Reading:
    """What a user accepts.

    Args:
        any_modality: DICOM of a modality that is not CT, and values that are no HU.
        reformats: axial reformats, whose slices are interpolated.
        volume_mb: MiB of voxels.
    """

    any_modality: bool = False
    reformats: bool = False
    volume_mb: float = MOST_MB

    def series(self, path: Path, *, has_lesions: bool) -> tuple[Path, str]:
        """Return the series to take of a path; see `lesion_tracker.studies.series_folders.series_in`."""
        return series_in(path, has_lesions=has_lesions, any_modality=self.any_modality, reformats=self.reformats)

    def volume(self, path: Path) -> Volume:
        """Return the volume of a file or series; see `lesion_tracker.volumes.reader.read_volume`."""
        return read_volume(path, any_modality=self.any_modality, reformats=self.reformats, most_mb=self.volume_mb)

    def study(self, path: Path, *, has_lesions: bool) -> tuple[Study, Volume]:
        """Return what is known of a study, and its volume; how its series was chosen is among the volume's warnings.

        Args:
            path: a file, a folder with a series or with several, or `FOLDER#UID`.
            has_lesions: points are given for it.

        Raises:
            StudyError: if it is no usable CT volume, or the points could belong to any of several series.
        """
        try:
            chosen, sentence = self.series(path, has_lesions=has_lesions)
        except OSError:  # reading it says so
            chosen, sentence = path, ""
        volume = self.volume(chosen)
        notes = [sentence] if sentence else []
        try:
            study = study_of(chosen)
        except FileFormatError as error:  # a date that is none, or a table of another kind: the volume can be read
            study = Study(study_id_of(chosen), chosen, "", "")
            notes.append(f"patient and date are not known: {error}")
        return study, replace(volume, warnings=(*notes, *volume.warnings))
