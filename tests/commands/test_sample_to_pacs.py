"""`sample-to-pacs`: the sample as DICOM, and what a PACS that does not take it is answered with."""

from lesion_tracker.commands import sample_to_pacs
from lesion_tracker.commands.dispatch import main
from lesion_tracker.server.local_server import free_port


def test_a_pacs_that_is_not_there_is_one_line(tmp_path, monkeypatch, capsys):
    address = f"http://127.0.0.1:{free_port()}/dicom-web"
    monkeypatch.setattr(sample_to_pacs, "write", lambda path, folder: ("1.2.3", [path]))
    assert main(["sample-to-pacs", str(tmp_path), "--store", address]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"error: {address} did not take the studies: ")
    assert said.count("\n") == 1


def test_without_the_sample_it_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sample_to_pacs, "STUDIES", tmp_path)
    assert main(["sample-to-pacs", str(tmp_path / "out")]) == 2
    assert f"there are no studies in {tmp_path}" in capsys.readouterr().err
