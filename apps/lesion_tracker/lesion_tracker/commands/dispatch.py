"""The command line's way in: finds the command, imports only that one, turns errors into one line and an exit code."""

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import Protocol, cast, runtime_checkable

from lesion_tracker import __version__
from lesion_tracker.errors import InputError, LesionTrackerError
from lesion_tracker.places import CHECKOUT

PROGRAM = "lesion-tracker"

COMMANDS = {
    "demo": "track a lesion of the sample through a real server, and draw a picture",
    "serve": "run the server for 3D Slicer and OHIF",
    "account": "add, change or remove a reader's account of a server",
    "sample-to-pacs": "write the sample as DICOM, and send it to a PACS for OHIF",
    "track": "find the lesions of a baseline CT in a follow-up CT",
    "report": "write what is known of a patient: axes, response, pictures, DICOM",
    "read-report": "read the lesions of DICOM reports, of OHIF or of this program",
    "track-cohort": "track many patients with many studies each",
    "evaluate": "score tracking on pairs of studies with lesions marked in both",
    "evaluate-dls": "score predictions for the Deep Lesion Tracker's benchmark (DLS)",
    "convert-deeplesion": "write DeepLesion's slices as the sub-volumes that the benchmark names",
    "predict-dls": "track the benchmark's pairs and write the answers as the paper's were released",
    "compare": "compare two sets of answers to the same lesions",
    "evaluate-response": "score predicted diameters: growth and treatment response",
    "prepare": "write the arrays that training reads",
    "train": "train the tracker network",
}
"""Each is a module of this folder with `add_arguments(parser)` and `run(args) -> int`."""

BAD_INPUT, FAULT, INTERRUPTED = 2, 1, 130


@runtime_checkable
class Command(Protocol):
    """What a command's module offers."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Say what the command takes."""

    def run(self, args: argparse.Namespace) -> int:
        """Do it and return the exit code."""


def main(argv: Sequence[str] | None = None, program: str = PROGRAM) -> int:
    """Run one command.

    Args:
        argv: command and arguments; None: the process's own.
        program: what the user started, for the help.

    Returns:
        0, or 2 for bad input, 1 for a fault, 130 for Ctrl-C; each is explained in one line on stderr.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in ("-h", "--help"):
        print(_overview(program), file=sys.stdout if words else sys.stderr)
        return 0 if words else BAD_INPUT
    if words[0] == "--version":
        print(f"Lesion Tracker {__version__}")
        return 0
    name, rest = words[0], words[1:]
    if name not in COMMANDS:
        return _fail(f"there is no command {name!r}; there are {', '.join(COMMANDS)}", BAD_INPUT)
    try:
        command = cast(Command, importlib.import_module(f"lesion_tracker.commands.{name.replace('-', '_')}"))
        return _run(f"{program} {name}", COMMANDS[name], command, rest)
    except InputError as error:
        return _fail(str(error), BAD_INPUT)
    except LesionTrackerError as error:
        return _fail(str(error), FAULT)
    except KeyboardInterrupt:
        return _fail(f"{name} was stopped by Ctrl-C; no file is left half-written", INTERRUPTED)
    except ModuleNotFoundError as error:
        return _fail(f"{name} needs the package {error.name!r}, which is not installed here; {_elsewhere()}", FAULT)


def _elsewhere() -> str:
    """Say which Python was asked, and where the packages may lie instead."""
    kept = CHECKOUT / ".venv" / "bin" / PROGRAM if CHECKOUT is not None else None
    there = f"{kept} has it" if kept is not None and kept.exists() else "`make venv` or `pip install .` brings it"
    return f"this is the Python of {sys.prefix}: is another environment meant? {there}"


def _run(program: str, description: str, command: Command, words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog=program, description=description)
    command.add_arguments(parser)
    try:
        args = parser.parse_args(words)
    except SystemExit as stop:  # argparse has said what is wrong, or printed the help
        return BAD_INPUT if stop.code else 0
    return command.run(args)


def _overview(program: str) -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {what}" for name, what in COMMANDS.items()]
    return "\n".join([f"usage: {program} COMMAND …, {program} COMMAND --help, {program} --version", "", *lines])


def _fail(message: str, code: int) -> int:
    print("error: " + " ".join(message.split()), file=sys.stderr)
    return code
