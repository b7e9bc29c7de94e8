"""One line and an exit code for every error; only the chosen command is imported."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from lesion_tracker import __version__
from lesion_tracker.commands import dispatch
from lesion_tracker.commands.dispatch import main
from lesion_tracker.errors import FileFormatError, RegistrationFailed

MAIN = Path(__file__).parents[2] / "apps" / "lesion_tracker" / "main.py"


def test_without_a_command_the_commands_are_listed(capsys):
    assert main([]) == 2
    assert "evaluate-dls" in capsys.readouterr().err
    assert main(["--help"]) == 0
    assert "evaluate-dls" in capsys.readouterr().out


def test_an_unknown_command_names_those_there_are(capsys):
    assert main(["segment"]) == 2
    assert (
        capsys.readouterr().err == f"error: there is no command 'segment'; there are {', '.join(dispatch.COMMANDS)}\n"
    )


def test_every_command_has_its_module():
    for name in dispatch.COMMANDS:
        module = importlib.import_module(f"lesion_tracker.commands.{name.replace('-', '_')}")
        assert callable(module.add_arguments)
        assert callable(module.run)


@pytest.mark.parametrize(("words", "code"), [(["--help"], 0), (["a.json"], 2), (["--out"], 2)])
def test_argparse_says_what_is_wrong(words, code, capsys):
    assert main(["evaluate-dls", *words]) == code
    out, err = capsys.readouterr()
    assert "usage: lesion-tracker evaluate-dls" in (out if code == 0 else err)


def test_the_help_names_what_was_started(capsys):
    assert main(["--help"], program="main.py") == 0
    assert capsys.readouterr().out.startswith("usage: main.py COMMAND")
    assert main(["track", "--help"], program="main.py") == 0
    assert capsys.readouterr().out.startswith("usage: main.py track")


def test_the_version_is_the_packages(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"Lesion Tracker {__version__}\n"


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (FileFormatError("two\nlines"), 2, "two lines"),
        (RegistrationFailed("two\nlines"), 1, "two lines"),
        (KeyboardInterrupt(), 130, "track was stopped by Ctrl-C; no file is left half-written"),
    ],
)
def test_errors_are_one_line(monkeypatch, capsys, error, code, said):
    class Failing:
        @staticmethod
        def add_arguments(parser):
            parser.add_argument("--x")

        @staticmethod
        def run(args):
            raise error

    monkeypatch.setattr(dispatch.importlib, "import_module", lambda name: Failing)
    assert main(["track"]) == code
    assert capsys.readouterr().err == f"error: {said}\n"


def test_a_missing_package_names_itself(monkeypatch, capsys):
    def missing(name):
        raise ModuleNotFoundError("No module named 'itk'", name="itk")

    monkeypatch.setattr(dispatch.importlib, "import_module", missing)
    assert main(["track"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: track needs the package 'itk', which is not installed here; this is the Python of ")
    assert sys.prefix in said
    assert "lesion-tracker has it" in said or "`pip install .` brings it" in said


@pytest.mark.long
def test_from_the_shell_without_the_server(tmp_path):
    code = (
        f"import sys, runpy; sys.argv = ['main.py', 'evaluate-dls', 'none.json', '--out', 'x.json']; "
        f"sys.path.insert(0, {str(MAIN.parent)!r})\n"
        f"try:\n    runpy.run_path({str(MAIN)!r}, run_name='__main__')\n"
        f"except SystemExit as stop:\n    print(stop.code, [m for m in ('monailabel', 'fastapi', 'itk') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stderr == "error: there is no file none.json\n"
    assert done.stdout == "2 []\n"


ON_THE_SERVER = {"report", "serve", "demo", "account"}


@pytest.mark.long
def test_the_other_commands_import_nothing_of_the_server():
    modules = [name.replace("-", "_") for name in dispatch.COMMANDS if name not in ON_THE_SERVER]
    code = (
        "import importlib, sys\n"
        f"for name in {modules}: importlib.import_module(f'lesion_tracker.commands.{{name}}')\n"
        "print([m for m in sys.modules if m.split('.')[0] in ('monailabel', 'fastapi') or 'lesion_tracker.server' in m])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
