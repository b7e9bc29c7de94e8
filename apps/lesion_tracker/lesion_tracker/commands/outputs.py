"""Where results go: asked before the work, so that no minutes are lost to a misspelt folder."""

from pathlib import Path

from lesion_tracker.errors import FileFormatError


def require_folder_of(*paths: Path | None) -> None:
    """Refuse results that could not be written, before the work and not after it.

    Raises:
        FileFormatError: if a path's folder does not exist, or the path is a folder.
    """
    for path in paths:
        if path is not None and not path.absolute().parent.is_dir():
            raise FileFormatError(f"{path} cannot be written: there is no folder {path.absolute().parent}")
        if path is not None and path.is_dir():
            raise FileFormatError(f"{path} cannot be written: it is a folder")
