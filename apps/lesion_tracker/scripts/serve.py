"""Runs the server for 3D Slicer and OHIF until it is stopped, and says how to connect them."""

import argparse
import os
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.local_server import HOST, ROOT, port_is_free, start_command

SAMPLE = ROOT / "sample-data" / "studies"
COPY = ROOT / "build" / "studies"

HOW = """
Lesion Tracker serves {studies}
For research use only. Stop with Ctrl-C.

3D Slicer  install the extension "MONAILabel" (Extensions Manager), open the module MONAI Label,
           Server: {address}, press the green arrow.
           1. Next Sample opens the earlier CT; SmartEdit: model mark_lesion, segment lesion_1, click the lesion.
           2. Next Sample opens the later CT; Auto Segmentation: track_lesion, Run: the point appears as a markup.
           3. Wrong? SmartEdit: correct_lesion, segment lesion_1, click where it really is.

OHIF       needs studies on a DICOMweb server:  make serve STUDIES=http://127.0.0.1:8042/dicom-web
           then open {address}/ohif/ and its panel "MONAI Label" (it expects port 8000).

HTTP       {address}/  lists all requests.
"""


def main() -> int:
    """Check the port, say how to connect, and become the server."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--studies", default="", help="folder of studies or DICOMweb address; default: a copy of the sample"
    )
    parser.add_argument("--port", type=int, default=8000)
    args = parser.parse_args()
    if not port_is_free(args.port):
        print(
            f"port {args.port} is taken: stop what listens there, or take another one: make serve PORT={args.port + 1}",
            file=sys.stderr,
        )
        return 1
    studies = args.studies or str(shutil.copytree(SAMPLE, COPY, dirs_exist_ok=True))
    if not studies.startswith(("http://", "https://")) and not Path(studies).is_dir():
        print(f"there is no folder {studies!r}: name one that holds CT studies, or a DICOMweb address", file=sys.stderr)
        return 2
    print(HOW.format(studies=studies, address=f"http://{HOST}:{args.port}"), flush=True)
    command = start_command(studies, args.port)
    os.execv(command[0], command)


if __name__ == "__main__":
    sys.exit(main())
