"""What is missing on a machine is said in one sentence, before anything is installed."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CHECK = ROOT / "apps" / "lesion_tracker" / "scripts" / "check_machine.sh"


def _check(python: str, folder: Path, path: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": path} if path else None
    command = ["/bin/bash", str(CHECK), python, str(folder)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def _program(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(f"#!/bin/bash\n{text}\n")
    (folder / name).chmod(0o755)


def test_a_good_machine_passes_without_a_word(tmp_path: Path) -> None:
    _program(tmp_path, "df", "echo head; echo fs 1 1 99999999 1% /")
    result = _check(sys.executable, tmp_path, f"{tmp_path}:/usr/bin:/bin")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("python", "text"),
    [("python3.99", "Python 3.11 is needed and 'python3.99' was not found"), ("/bin/true", "is no Python")],
)
def test_a_missing_python_is_one_sentence(tmp_path: Path, python: str, text: str) -> None:
    result = _check(python, tmp_path)
    assert result.returncode == 1
    assert text in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_no_disk_is_one_sentence(tmp_path: Path) -> None:
    _program(tmp_path, "df", "echo head; echo fs 1 1 1048576 1% /")
    result = _check(sys.executable, tmp_path, f"{tmp_path}:/usr/bin:/bin")
    assert result.returncode == 1
    assert f"6 GB of free disk are needed for the environment, but {tmp_path} has 1 GB" in result.stderr
    assert len(result.stderr.splitlines()) == 1
