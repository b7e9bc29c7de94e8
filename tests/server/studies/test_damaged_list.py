"""MONAI Label's list of a folder's studies, as older versions and other programs left it."""

import json
import os
from pathlib import Path

import pytest

from lesion_tracker.errors import InputError
from lesion_tracker.server.studies.datastore import StudyFolder
from lesion_tracker.studies.folder_index import FolderIndex
from lesion_tracker.volumes.writer import write_volume
from tests.volumes.made import plain

STUDY = "a__20200101"


def opened(folder: Path) -> StudyFolder:
    return StudyFolder(FolderIndex(folder), lambda _: None, lambda entry: entry.path, auto_reload=False)


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    """Return the list of a folder with one study, of which something was said."""
    write_volume(plain(), tmp_path / f"{STUDY}.nii.gz")
    opened(tmp_path).update_image_info(STUDY, {"patient": "P1"})
    return tmp_path / "datastore_v2.json"


def test_a_name_that_is_no_text_is_dropped_from_it(listed: Path) -> None:
    """Older versions listed such files, and no server started on that folder again."""
    content = json.loads(listed.read_text())
    content["objects"][os.fsdecode(b"M\xfcller")] = content["objects"][STUDY]
    listed.write_text(json.dumps(content))
    folder = opened(listed.parent)
    assert folder.list_images() == [STUDY]
    assert folder.get_image_info(STUDY)["patient"] == "P1"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"objects": 1}', '{"objects": {"a": 1}}', "[" * 100_000])
def test_a_damaged_one_stops_the_start_with_what_to_do(listed: Path, content: str) -> None:
    listed.write_text(content)
    with pytest.raises(InputError, match=r"datastore_v2.json, the list of the studies, is damaged .*or remove it"):
        opened(listed.parent)
    listed.unlink()
    assert opened(listed.parent).list_images() == [STUDY]
