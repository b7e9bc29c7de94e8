"""MONAI Label's view of a PACS: it reads series and keeps nothing but notes on them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from monailabel.interfaces.datastore import Datastore

from lesion_tracker.errors import InputError, NotFound
from lesion_tracker.pacs.pacs import Pacs
from lesion_tracker.studies.catalog import unknown_study

READ_ONLY = "this server reads its studies from a PACS: send images there, and marks and corrections to the tasks"


class PacsDatastore(Datastore):
    """A Datastore of MONAI Label on a PACS.

    What MONAI Label asks within its event loop (status, lists) is answered from what was opened already, without a
    query: a PACS that is slow must not hold up the server.

    Args:
        pacs: the PACS.
        write: writes the volume of a DICOM folder (first) to a NIfTI file (second).
    """

    def __init__(self, pacs: Pacs, write: Callable[[Path, Path], None]) -> None:
        self._pacs, self._write = pacs, write
        self._description = "CT series of a PACS"

    def name(self) -> str:
        """Return the address of the PACS."""
        return self._pacs.web.address

    def set_name(self, name: str) -> None:
        """Refuse: the name is the address."""
        raise _read_only()

    def description(self) -> str:
        """Return what this is."""
        return self._description

    def set_description(self, description: str) -> None:
        """Set what this is called."""
        self._description = description

    def list_images(self) -> list[str]:
        """Return the ids of all series that were ever opened."""
        return self._pacs.records.ids()

    def get_image(self, image_id: str, params: Any = None) -> Any:
        """Return the volume of a series as an open NIfTI file."""
        return Path(self.get_image_uri(image_id)).open("rb")

    def get_image_uri(self, image_id: str) -> str:
        """Return a NIfTI file of a series, for clients that cannot read DICOM.

        Raises:
            NotFound: for a series that the PACS does not have.
            InputError: for one that is no usable CT.
            PacsError: for a PACS that does not answer.
        """
        study = self._pacs.study(image_id)
        if study is None:
            raise unknown_study(image_id)
        return str(self._pacs.volume_file(study, self._write))

    def get_image_info(self, image_id: str) -> dict[str, Any]:
        """Return what is known of a series that was opened, and what clients said of it."""
        study = self._pacs.records.study(image_id, Path())
        known = {
            "SeriesInstanceUID": image_id,
            **({"PatientID": study.patient_id, "StudyDate": study.study_date} if study else {}),
            **({"StudyInstanceUID": study.study_uid, "SeriesDescription": study.series} if study else {}),
        }
        return {**known, **self._pacs.records.given(image_id)}

    def update_image_info(self, image_id: str, info: dict[str, Any]) -> None:
        """Keep what a client says of a series."""
        if self._pacs.records.study(image_id, Path()) is None and self._pacs.study(image_id) is None:
            raise unknown_study(image_id)
        self._pacs.records.give(image_id, info)

    def status(self) -> dict[str, Any]:
        """Return numbers for MONAI Label's info."""
        return {"total": len(self.list_images()), "completed": 0, "label_tags": {}, "train": []}

    def json(self) -> dict[str, Any]:
        """Return the series that were opened, in MONAI Label's form."""
        objects = {
            name: {"image": {"ext": "", "info": self.get_image_info(name)}, "labels": {}} for name in self.list_images()
        }
        return {"name": self.name(), "description": self.description(), "objects": objects}

    def refresh(self) -> None:
        """Do nothing: what the PACS has is asked each time."""

    def datalist(self, full_path: bool = True) -> list[dict[str, Any]]:
        """Return nothing: MONAI Label's label files are not kept here."""
        return []

    def get_labeled_images(self, label_tag: str | None = None, labels: list[str] | None = None) -> list[str]:
        """Return nothing, as `datalist`."""
        return []

    def get_unlabeled_images(self, label_tag: str | None = None, labels: list[str] | None = None) -> list[str]:
        """Return all series that were opened."""
        return self.list_images()

    def get_labels_by_image_id(self, image_id: str) -> dict[str, str]:
        """Return nothing, as `datalist`."""
        return {}

    def get_label_by_image_id(self, image_id: str, tag: str) -> str:
        """Return nothing, as `datalist`."""
        return ""

    def get_label(self, label_id: str, label_tag: str, params: Any = None) -> Any:
        """Refuse: there are no label files."""
        raise NotFound("no label files are kept for the series of a PACS")

    def get_label_uri(self, label_id: str, label_tag: str) -> str:
        """Return nothing, as `datalist`."""
        return ""

    def get_label_info(self, label_id: str, label_tag: str) -> dict[str, Any]:
        """Return nothing, as `datalist`."""
        return {}

    def update_label_info(self, label_id: str, label_tag: str, info: dict[str, Any]) -> None:
        """Refuse: there are no label files."""
        raise _read_only()

    def add_image(self, image_id: str, image_filename: str, image_info: dict[str, Any]) -> str:
        """Refuse: images go to the PACS."""
        raise _read_only()

    def remove_image(self, image_id: str) -> None:
        """Refuse: images are removed from the PACS, by its own means."""
        raise _read_only()

    def save_label(self, image_id: str, label_filename: str, label_tag: str, label_info: dict[str, Any]) -> str:
        """Refuse: points come through the tasks."""
        raise _read_only()

    def remove_label(self, label_id: str, label_tag: str) -> None:
        """Refuse: there are no label files."""
        raise _read_only()

    def get_dataset_archive(self, limit_cases: int | None) -> str:
        """Refuse: the studies stay on the PACS."""
        raise _read_only()


def _read_only() -> InputError:
    return InputError(READ_ONLY)
