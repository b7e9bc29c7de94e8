"""Every route of a server as it runs, as JSON lines of method and path: `list_routes.py FOLDER [pacs | accounts]`.

In a process of its own: MONAI Label has one application a process. With `pacs` the studies are on a PACS (which is not asked)
and readers have accounts; with `accounts` they lie in FOLDER/studies; without, in the folder, and nobody logs in.
"""

import json
import os
import sys
import warnings
from pathlib import Path

warnings.simplefilter("ignore")
APP = Path(__file__).resolve().parents[2] / "apps" / "lesion_tracker"
sys.path.insert(0, str(APP))


def main(folder: Path, kind: str) -> None:
    """Start the app as MONAI Label does, but load no registration, and print its routes."""
    from fastapi.routing import iter_route_contexts
    from starlette.routing import Mount

    from lesion_tracker.server import app as ours

    ours.preload = ours.configure = lambda *_: None
    from monailabel.app import app as application
    from monailabel.interfaces.utils.app import app_instance

    conf, studies = {"background": "false"}, str(folder)
    if kind:
        from lesion_tracker.server.access.accounts_file import set_account

        set_account(folder / "accounts.json", "boss", "correct horse", "admin")
        conf |= {"accounts": str(folder / "accounts.json"), "data_dir": str(folder / "data")}
        studies = "http://127.0.0.1:9/dicom-web" if kind == "pacs" else str(folder / "studies")
    app_instance(str(APP), studies, conf).on_init_complete()
    for route in iter_route_contexts(application.router.routes):
        is_folder = isinstance(route.original_route, Mount)
        for method in ["GET"] if is_folder else sorted(route.methods or ()):
            path = f"{route.path}/{{path:path}}" if is_folder else route.path
            print("route", json.dumps([method, path]))  # noqa: T201
    sys.stdout.flush()
    os._exit(0)  # MONAI Label's timers are still running


if __name__ == "__main__":
    main(Path(sys.argv[1]), "".join(sys.argv[2:3]))
