"""Where results go: asked before the work, so that no minutes are lost to a misspelt folder, and no file to a slip."""

from collections.abc import Iterable
from pathlib import Path

from lesion_tracker.errors import FileFormatError


def require_folder_of(*paths: Path | None, read: Iterable[Path | None] = ()) -> None:
    """Refuse results that could not be written, or would replace one another or what is read.

    Args:
        paths: of the results.
        read: what the command reads.

    Raises:
        FileFormatError: if a path's folder does not exist, the path is a folder, or it is another result's or an input's.
    """
    taken = {path.resolve(): "is read by this command" for path in read if path is not None}
    for path in (path for path in paths if path is not None):
        if not path.absolute().parent.is_dir():
            raise FileFormatError(f"{path} cannot be written: there is no folder {path.absolute().parent}")
        if path.is_dir():
            raise FileFormatError(f"{path} cannot be written: it is a folder")
        if path.resolve() in taken:
            raise FileFormatError(f"{path} cannot be written: it {taken[path.resolve()]}; name another file")
        taken[path.resolve()] = "is named for another result, too"
