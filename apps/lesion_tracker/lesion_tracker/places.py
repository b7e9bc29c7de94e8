"""Where everything lies that is no module: the app's folder, weights, sample; in a checkout, a copy and a wheel alike."""

import os
import site
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
"""The package's own folder."""

INSTALLED = (PACKAGE / "app").is_dir()
"""Whether this is an installed wheel, which carries the app's folder and the sample inside the package."""

APP = PACKAGE / "app" if INSTALLED else PACKAGE.parent
"""The app's folder: main.py for MONAI Label, clients and model. An installed one is never written to."""

MODEL = APP / "model"
"""The shipped weights, their card, and the inputs that new weights must still find."""

_ROOT = APP.parent.parent

CHECKOUT = (
    _ROOT
    if APP == _ROOT / "apps" / "lesion_tracker" and not INSTALLED and (_ROOT / "pyproject.toml").is_file()
    else None
)
"""The root of the repository; None where the package was installed, or the app's folder copied elsewhere."""

SAMPLE = PACKAGE / "sample" if INSTALLED else _ROOT / "sample-data"
"""The sample patient; an app's folder that was copied elsewhere has none."""


def user_folder() -> Path:
    """Return the folder of what this user keeps: XDG_DATA_HOME, or `.local/share` at home, and in it `lesion_tracker`."""
    named = os.environ.get("XDG_DATA_HOME", "")
    return (Path(named) if os.path.isabs(named) else Path.home() / ".local" / "share") / "lesion_tracker"


def import_folders() -> list[Path]:
    """Return the folders that a process of this interpreter needs on its path to find this very package.

    None where the package was installed into the interpreter: its site-packages must not come before Python's own
    modules.
    """
    own = PACKAGE.parent
    known = {Path(folder).resolve() for folder in (*site.getsitepackages(), site.getusersitepackages())}
    return [] if own in known else [own]


def python_path(*more: Path) -> str:
    """Return the PYTHONPATH of a process of its own: this very package, further folders, and what is set already."""
    return os.pathsep.join([*map(str, (*import_folders(), *more)), *filter(None, [os.environ.get("PYTHONPATH")])])
