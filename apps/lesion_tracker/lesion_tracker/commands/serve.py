"""`serve`: run the server for 3D Slicer and OHIF until it is stopped, and say how to connect them."""

import argparse
import os
import shutil
import sys
from pathlib import Path

from lesion_tracker.commands.dispatch import PROGRAM
from lesion_tracker.errors import InputError
from lesion_tracker.places import APP, CHECKOUT, INSTALLED, SAMPLE, user_folder
from lesion_tracker.server.kept_app import bring_up_to_date, is_somebodys_own
from lesion_tracker.server.local_server import HOST, port_is_free, start_command, start_environment

PORT_TAKEN = 1

HOW = """
Lesion Tracker serves {studies}
For research use only. Stop with Ctrl-C.

Browser    {address}/lesions/  all lesions of a patient in all studies; no viewer is needed:
           choose the patient, Mark a new lesion, Track all later studies, then accept, move, measure, export.

3D Slicer  install the extension "MONAILabel" (Extensions Manager), open the module MONAI Label,
           Server: {address}, press the green arrow.
           1. Next Sample opens the earlier CT; SmartEdit: model mark_lesion, segment lesion_1, click the lesion.
           2. Next Sample opens the later CT; Auto Segmentation: track_lesion, Run: the point appears as a markup.
           3. Wrong? SmartEdit: correct_lesion, segment lesion_1, click where it really is.

{ohif}

No viewer  mark by a request: docs/http.md; or track two files: {program} track BASELINE FOLLOW-UP --lesions FILE --out FILE
"""

OHIF = """OHIF       open {address}/ohif/ and its panel "MONAI Label" (it expects port 8000)."""

NO_OHIF = """OHIF       shows studies of a PACS only, and this is a folder:  {with_studies}http://127.0.0.1:8042/dicom-web
           then open {address}/ohif/ and its panel "MONAI Label" (it expects port 8000)."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument(
        "--studies", default="", help="folder of studies or DICOMweb address; default: a copy of the sample"
    )
    parser.add_argument("--port", type=_port, default=8000, help="default: %(default)s")
    parser.add_argument("--host", default=HOST, help="address to listen on; default: only this machine (%(default)s)")
    parser.add_argument(
        "--conf", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), help="a setting; may be repeated"
    )
    parser.add_argument(
        "--app",
        type=Path,
        metavar="FOLDER",
        help="keeps logs and learned weights; made where there is none. Default: this checkout's, or one in your data folder",
    )
    parser.add_argument(
        "monai_label",
        nargs="*",
        metavar="-- OPTION",
        help="what `monailabel start_server` takes beside, such as -- --ssl_keyfile FILE --ssl_certfile FILE",
    )
    make = CHECKOUT is not None
    parser.set_defaults(
        with_studies="make serve STUDIES=" if make else f"{parser.prog} --studies ",
        with_port="make serve PORT=" if make else f"{parser.prog} --port ",
    )


def run(args: argparse.Namespace) -> int:
    """Check port and studies, say how to connect, and become the server."""
    if not port_is_free(args.port, args.host):
        print(
            f"port {args.port} is taken: stop what listens there, or take another one: {args.with_port}{args.port + 1}",
            file=sys.stderr,
        )
        return PORT_TAKEN
    studies = args.studies or str(_copy_of_the_sample())
    on_pacs = studies.startswith(("http://", "https://"))
    if not on_pacs and not Path(studies).is_dir():
        raise InputError(f"there is no folder {studies!r}: name one that holds CT studies, or a DICOMweb address")
    app = _app(args.app)
    address = f"http://{HOST if args.host == '0.0.0.0' else args.host}:{args.port}"
    ohif = (OHIF if on_pacs else NO_OHIF).format(address=address, with_studies=args.with_studies)
    print(HOW.format(studies=studies, address=address, ohif=ohif, program=PROGRAM), flush=True)
    command = start_command(studies, args.port, app=app, host=args.host, conf=dict(args.conf), more=args.monai_label)
    os.execve(command[0], command, start_environment(app))


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"a port is a number from 1 to 65535, got {text}")
    return int(text)


def _app(named: Path | None) -> Path:
    """Return the app's folder: the named one, this checkout's or copy's, or the one that the user keeps."""
    if named is None and not INSTALLED:
        return APP
    app = (named or user_folder() / "app").absolute()
    if not is_somebodys_own(app):
        for sentence in bring_up_to_date(app):
            print(sentence, file=sys.stderr)
    return app


def _copy_of_the_sample() -> Path:
    """Return a copy of the sample's studies that keeps what is marked in it."""
    studies = SAMPLE / "studies"
    if not studies.is_dir():
        raise InputError(f"there is no sample in {SAMPLE}: name your studies, --studies FOLDER")
    folder = (CHECKOUT / "build" if CHECKOUT is not None else user_folder()) / "studies"
    return Path(shutil.copytree(studies, folder, dirs_exist_ok=True))
