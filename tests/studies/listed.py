"""A folder's list of studies, as a datastore keeps it."""

from pathlib import Path
from typing import Any

from lesion_tracker.studies.folder_index import Entry


class Listed:
    """Studies by id, and what was said of each; their files are where the test puts them.

    Args:
        folder: of the files, `<id>.nii.gz`.
        names: their ids.
    """

    def __init__(self, folder: Path, *names: str) -> None:
        self.folder = folder
        self.info: dict[str, dict[str, Any]] = {name: {} for name in names}

    def list_images(self) -> list[str]:
        """Return the ids."""
        return list(self.info)

    def entry(self, image_id: str) -> Entry | None:
        """Return what stands in the folder."""
        path = self.folder / f"{image_id}.nii.gz"
        return Entry(image_id, path, (path,)) if image_id in self.info else None

    def problems(self) -> list[str]:
        """Return nothing: the folder holds what the test put there."""
        return []

    def get_image_info(self, image_id: str) -> dict[str, Any]:
        """Return what was said of it."""
        return self.info[image_id]

    def update_image_info(self, image_id: str, info: dict[str, Any]) -> None:
        """Keep more that is said of it."""
        self.info[image_id] |= info
