"""`serve`: what it says before it becomes MONAI Label's server, and what it hands on to it."""

import os
import socket

import pytest

from lesion_tracker.commands import serve
from lesion_tracker.commands.dispatch import main
from lesion_tracker.places import APP
from lesion_tracker.server.local_server import HOST, free_port, port_is_free


class BecomesAnotherError(Exception):
    """The process would be another one now."""


@pytest.fixture
def started(monkeypatch):
    """Return what the process would become: command and environment."""
    calls = []

    def replace(program, command, environment):
        calls.append((command, environment))
        raise BecomesAnotherError

    monkeypatch.setattr(serve.os, "execve", replace)
    return calls


def test_a_taken_port_is_said_with_another_one(started, tmp_path, capsys):
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert not port_is_free(port)
        assert main(["serve", "--studies", str(tmp_path), "--port", str(port)]) == 1
    said = f"port {port} is taken: stop what listens there, or take another one: make serve PORT={port + 1}\n"
    assert capsys.readouterr().err == said
    assert started == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--studies", "nowhere"], "there is no folder 'nowhere'"),
        (["--host", "192.0.2.1"], "this machine cannot listen on 192.0.2.1"),  # TEST-NET: nobody's address
        (["--port", "70000"], "a port is a number from 1 to 65535, got 70000"),
    ],
)
def test_what_cannot_be_served_is_one_sentence(started, tmp_path, words, said, capsys):
    usual = ["--studies", str(tmp_path), "--port", str(free_port())]
    assert main(["serve", *usual, *words]) == 2
    assert said in capsys.readouterr().err
    assert started == []


def test_options_are_handed_on(started, tmp_path, capsys):
    port = str(free_port())
    words = ["--studies", str(tmp_path), "--port", port, "--host", "0.0.0.0", "--conf", "method", "affine"]
    with pytest.raises(BecomesAnotherError):
        main(["serve", *words, "--conf", "workers", "3", "--", "--ssl_keyfile", "key.pem"])
    ((command, environment),) = started
    assert command[1:4] == ["-m", "lesion_tracker.server.start", "start_server"]
    assert command[4:8] == ["--app", str(APP), "--studies", str(tmp_path)]
    assert command[8:12] == ["--host", "0.0.0.0", "--port", port]
    assert command[12:] == ["--conf", "method", "affine", "--conf", "workers", "3", "--ssl_keyfile", "key.pem"]
    assert environment["PYTHONPATH"].split(os.pathsep)[0] == str(APP)
    said = capsys.readouterr().out
    assert f"Server: http://{HOST}:{port}, press" in said
    assert f"Browser    http://{HOST}:{port}/lesions/" in said
    assert "OHIF       shows studies of a PACS only, and this is a folder" in said
    assert "make serve STUDIES=http://127.0.0.1:8042/dicom-web" in said


def test_on_a_pacs_ohif_is_said_to_work(started, capsys):
    with pytest.raises(BecomesAnotherError):
        main(["serve", "--studies", "http://127.0.0.1:9/dicom-web", "--port", str(free_port())])
    said = capsys.readouterr().out
    assert "OHIF       open http://" in said
    assert "PACS only" not in said


def test_an_app_folder_of_its_own_is_made_and_served(started, tmp_path):
    words = ["serve", "--studies", str(tmp_path), "--port", str(free_port()), "--app", str(tmp_path / "kept" / "app")]
    with pytest.raises(BecomesAnotherError):
        main(words)
    command, environment = started[0]
    assert command[5] == str(tmp_path / "kept" / "app")
    assert (tmp_path / "kept" / "app" / "main.py").read_bytes() == (APP / "main.py").read_bytes()
    assert environment["PYTHONPATH"].split(os.pathsep)[:2] == [str(APP), command[5]]


def test_an_installed_server_keeps_its_app_folder_with_the_users_data(started, tmp_path, monkeypatch):
    monkeypatch.setattr(serve, "INSTALLED", True)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    with pytest.raises(BecomesAnotherError):
        main(["serve", "--studies", str(tmp_path), "--port", str(free_port())])
    assert started[0][0][5] == str(tmp_path / "lesion_tracker" / "app")


def test_somebodys_own_app_folder_is_served_as_it_is(started, tmp_path):
    (tmp_path / "main.py").write_text("mine")
    with pytest.raises(BecomesAnotherError):
        main(["serve", "--studies", str(tmp_path), "--port", str(free_port()), "--app", str(tmp_path)])
    assert started[0][0][5] == str(tmp_path)
    assert (tmp_path / "main.py").read_text() == "mine"
    assert os.listdir(tmp_path) == ["main.py"]


def test_without_studies_a_copy_of_the_sample_is_served_that_keeps_its_marks(started, monkeypatch, tmp_path):
    monkeypatch.setattr(serve, "CHECKOUT", tmp_path)
    for _ in range(2):
        with pytest.raises(BecomesAnotherError):
            main(["serve", "--port", str(free_port())])
        (tmp_path / "build" / "studies" / "labels").mkdir(exist_ok=True)
    studies = tmp_path / "build" / "studies"
    assert started[1][0][7] == str(studies)
    assert len(list(studies.glob("*.nii.gz"))) == 2


def test_without_the_sample_studies_must_be_named(started, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(serve, "SAMPLE", tmp_path)
    assert main(["serve", "--port", str(free_port())]) == 2
    assert capsys.readouterr().err == f"error: there is no sample in {tmp_path}: name your studies, --studies FOLDER\n"
