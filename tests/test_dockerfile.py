"""The Dockerfile, read and not built: it installs as the Makefile does, and keeps its promises."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lesion_tracker.server.addresses import who_may

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
LINES = [line for line in re.sub(r"\\\n", " ", DOCKERFILE).splitlines() if line and not line.startswith("#")]


def _instructions(name: str) -> list[str]:
    return [line.split(None, 1)[1] for line in LINES if line.split()[0] == name]


def _dry(*targets: str) -> str:
    return subprocess.run(["make", "-n", "-B", *targets], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_it_installs_with_the_makefiles_own_commands() -> None:
    assert [command for command in _instructions("RUN") if "make " in command][-2:] == [
        "make .venv/.requirements",
        "make venv",
    ]
    dry = _dry("venv")
    assert "PIP_CONSTRAINT=constraints.txt" in dry
    assert "install -r requirements.txt" in dry
    assert "install --no-deps -e ." in dry


def test_the_requirements_are_a_layer_that_a_change_of_the_app_leaves_alone() -> None:
    before = DOCKERFILE[: DOCKERFILE.index("RUN make .venv/.requirements")]
    copied = [word for line in re.findall(r"^COPY --chown=tracker (.*)", before, re.MULTILINE) for word in line.split()]
    assert {*copied} == {
        *("Makefile", "requirements.txt", "constraints.txt", "./"),
        "apps/lesion_tracker/scripts/check_machine.sh",
    }
    assert "-e ." not in _dry(".venv/.requirements")


def test_make_venv_finds_in_the_image_what_it_needs(tmp_path: Path) -> None:
    """The same files as in the image, in a folder of their own: the package's metadata can be made of them."""
    before = DOCKERFILE[: DOCKERFILE.index("RUN make venv")]
    for line in re.findall(r"^COPY --chown=tracker (.*)", before, re.MULTILINE):
        *sources, target = line.split()
        for source in sources:
            _copy(ROOT / source, tmp_path / target / ("" if target != "./" else source))
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-build-isolation", "--no-index", "--quiet"]
    command += ["--disable-pip-version-check", "--target", str(tmp_path / "site"), "-e", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site" / "_lesion_tracker.pth").read_text() == str(tmp_path / "apps" / "lesion_tracker")


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        ignored = shutil.ignore_patterns("__pycache__", "first_part", "versions", "logs", "bin", "lib")
        shutil.copytree(source, target, ignore=ignored, dirs_exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


def test_the_base_image_can_use_cuda_and_has_python_3_11() -> None:
    assert "cuda" in _instructions("FROM")[0]
    assert any("python3.11" in line for line in _instructions("RUN"))


def test_it_runs_as_an_ordinary_user() -> None:
    user = _instructions("USER")[-1]
    assert user not in ("root", "0")
    assert any(f"useradd --create-home --uid 1000 {user}" in line for line in _instructions("RUN"))


def test_studies_models_and_the_marks_of_a_pacs_are_volumes() -> None:
    marks = f"/home/{_instructions('USER')[-1]}/.local/share/lesion_tracker"
    assert json.loads(_instructions("VOLUME")[0]) == ["/studies", "/app/apps/lesion_tracker/model", marks]
    lines = DOCKERFILE.splitlines()
    made = next(n for n, line in enumerate(lines) if line == f"RUN mkdir -p {marks}")
    assert lines.index("USER tracker") < made  # a new volume takes its owner


def test_its_health_is_an_answer_that_needs_no_log_in() -> None:
    (check,) = _instructions("HEALTHCHECK")
    (path,) = re.findall(r"http://127\.0\.0\.1:8000(/[^']*)", check)
    assert who_may("GET", path) == "anyone"
    code = json.loads(check[check.index("CMD ") + 4 :])[2]
    compile(code, "healthcheck", "exec")


@pytest.mark.long
def test_its_command_is_one_that_starts_the_server() -> None:
    command = json.loads(_instructions("CMD")[0])
    assert command[1:4] == ["-m", "lesion_tracker.server.start", "start_server"]
    arguments = [sys.executable, *command[1:4], "--help"]
    known = subprocess.run(
        arguments, cwd=ROOT / "build" if (ROOT / "build").is_dir() else ROOT, capture_output=True, text=True, check=True
    )
    for option in command[4:]:
        if option.startswith("--"):
            assert option in known.stdout
