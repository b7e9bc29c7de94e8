"""The Dockerfile, read and not built: it installs as the Makefile does, and keeps its promises."""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
LINES = [line for line in re.sub(r"\\\n", " ", DOCKERFILE).splitlines() if line and not line.startswith("#")]


def _instructions(name: str) -> list[str]:
    return [line.split(None, 1)[1] for line in LINES if line.split()[0] == name]


def test_it_installs_with_the_makefiles_own_command() -> None:
    assert "make venv" in _instructions("RUN")
    dry = subprocess.run(["make", "-n", "-B", "venv"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "PIP_CONSTRAINT=constraints.txt" in dry
    assert "install -r requirements.txt" in dry


def test_everything_that_make_venv_needs_is_copied_before() -> None:
    before = DOCKERFILE[: DOCKERFILE.index("RUN make venv")]
    for file in ("Makefile", "requirements.txt", "constraints.txt", "apps/lesion_tracker/scripts/check_machine.sh"):
        assert file in before
        assert (ROOT / file).exists()


def test_the_base_image_can_use_cuda_and_has_python_3_11() -> None:
    assert "cuda" in _instructions("FROM")[0]
    assert any("python3.11" in line for line in _instructions("RUN"))


def test_it_runs_as_an_ordinary_user() -> None:
    user = _instructions("USER")[-1]
    assert user not in ("root", "0")
    assert any(f"useradd --create-home --uid 1000 {user}" in line for line in _instructions("RUN"))


def test_studies_and_models_are_volumes() -> None:
    assert json.loads(_instructions("VOLUME")[0]) == ["/studies", "/app/apps/lesion_tracker/model"]


def test_its_health_is_the_servers_info() -> None:
    (check,) = _instructions("HEALTHCHECK")
    assert "/info/" in check
    code = json.loads(check[check.index("CMD ") + 4 :])[2]
    compile(code, "healthcheck", "exec")


def test_its_command_is_one_that_starts_the_server() -> None:
    command = json.loads(_instructions("CMD")[0])
    assert command[1:4] == ["-m", "monailabel.main", "start_server"]
    arguments = [sys.executable, *command[1:4], "--help"]
    known = subprocess.run(
        arguments, cwd=ROOT / "build" if (ROOT / "build").is_dir() else ROOT, capture_output=True, text=True, check=True
    )
    for option in command[4:]:
        if option.startswith("--"):
            assert option in known.stdout
