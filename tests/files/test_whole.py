"""A file is written whole or not at all: full disks, readers meanwhile, several writers, writers that are killed."""

import errno
import fcntl
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lesion_tracker.errors import FileFormatError
from lesion_tracker.files.whole import DRAFT, refusals_of, remove_drafts, write_bytes, write_text, written_whole

WAIT_S = 120.0


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def full_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def write_half(path: Path, error: BaseException) -> None:
    with written_whole(path) as draft:
        draft.write_text("half of the n")
        raise error


def test_a_file_is_written_and_nothing_else_is_left(tmp_path: Path) -> None:
    write_text("first", tmp_path / "a.txt")
    write_text("große Läsion", tmp_path / "a.txt", durable=True)
    assert (tmp_path / "a.txt").read_bytes() == "große Läsion".encode()
    assert names(tmp_path) == ["a.txt"]


def test_a_draft_has_the_name_of_its_file_and_no_reader_sees_it(tmp_path: Path) -> None:
    with written_whole(tmp_path / "a.nii.gz") as draft:
        draft.write_bytes(b"half")
        assert draft.name == "a.nii.gz"
        assert list(tmp_path.glob("[!.]*")) == []
    assert (tmp_path / "a.nii.gz").read_bytes() == b"half"


def test_what_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    write_text("old", tmp_path / "a.txt")
    for error in (ValueError("a fault"), KeyboardInterrupt()):
        with pytest.raises(type(error)):
            write_half(tmp_path / "a.txt", error)
    assert (tmp_path / "a.txt").read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_a_disk_that_fills_up_while_it_is_written_leaves_the_old_file(tmp_path: Path) -> None:
    """In a process whose files end at 1000 bytes."""
    write_text("old", tmp_path / "a.txt")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            write_bytes(bytes(10_000), tmp_path / "a.txt")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / "a.txt").read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_disk_that_is_full_at_the_last_step_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    write_text("old", tmp_path / "a.txt")
    with monkeypatch.context() as patched:
        patched.setattr(os, call, full_disk)
        with pytest.raises(OSError, match="No space left"):
            write_text("new", tmp_path / "a.txt", durable=True)
    assert (tmp_path / "a.txt").read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_what_must_last_is_brought_to_the_disk_before_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, os.replace

    def noted_fsync(handle: int) -> None:
        done.append(f"sync {os.readlink(f'/proc/self/fd/{handle}').rpartition('/')[2]}")
        fsync(handle)

    def noted_replace(source: Path, target: Path) -> None:
        done.append(f"name {Path(target).name}")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    folder = tmp_path / "store"
    folder.mkdir()
    write_text("x", folder / "a.txt", durable=True)
    assert done == ["sync a.txt", "name a.txt", "sync store"]
    done.clear()
    with written_whole(folder / "version", durable=True) as draft:
        draft.mkdir()
        (draft / "weights").write_bytes(b"w")
    assert done == ["sync weights", "sync version", "name version", "sync store"]
    done.clear()
    write_text("x", folder / "a.txt")
    assert done == ["name a.txt"]


def test_a_file_of_secrets_is_its_owners_from_the_first_byte_on(tmp_path: Path) -> None:
    path = tmp_path / "accounts.json"
    with written_whole(path, mode=0o600) as draft:
        draft.write_text("secret")
        assert draft.parent.stat().st_mode & 0o077 == 0
    assert path.stat().st_mode & 0o777 == 0o600
    umask = os.umask(0o027)
    try:
        write_text("plain", tmp_path / "plain.txt")
    finally:
        os.umask(umask)
    assert (tmp_path / "plain.txt").stat().st_mode & 0o777 == 0o640


def test_a_whole_folder_appears_at_once(tmp_path: Path) -> None:
    with written_whole(tmp_path / "series") as draft:
        draft.mkdir()
        (draft / "1.dcm").write_bytes(b"1")
        assert not (tmp_path / "series").exists()
    assert names(tmp_path / "series") == ["1.dcm"]
    with pytest.raises(OSError, match="not empty"), written_whole(tmp_path / "series") as draft:
        draft.mkdir()
    assert names(tmp_path / "series") == ["1.dcm"]
    assert names(tmp_path) == ["series"]


def test_what_a_library_leaves_beside_the_draft_comes_with_it_and_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved: list[str] = []
    replace = os.replace
    monkeypatch.setattr(
        os, "replace", lambda source, target: (moved.append(Path(target).name), replace(source, target))
    )
    with written_whole(tmp_path / "a.mhd") as draft:
        draft.write_text("header")
        draft.with_suffix(".raw").write_bytes(b"voxels")
    assert moved == ["a.raw", "a.mhd"]


def test_a_block_that_writes_nothing_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), written_whole(tmp_path / "a.txt"):
        pass
    assert names(tmp_path) == []


def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for path, why in (
        (tmp_path / "pipe", "it is a device or a pipe, no file"),
        (tmp_path / "folder", "Is a directory"),
        (tmp_path / "none" / "a.txt", "No such file or directory"),
        (Path("/dev/null"), "it is a device or a pipe, no file"),
    ):
        with pytest.raises(FileFormatError, match=f"^{path} cannot be written: {why}$"), refusals_of(path):
            write_text("x", path)
    assert names(tmp_path) == ["folder", "pipe"]


def _write_many(path: Path, letter: str) -> None:
    for number in range(150):
        write_text(json.dumps({"of": letter * 5000, "number": number}), path)


def test_a_reader_sees_the_old_or_the_new_file_of_two_writers(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_text('{"of": "", "number": 0}', path)
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_many, args=(path, letter)) for letter in "ab"]
    threads = [threading.Thread(target=_write_many, args=(path, letter)) for letter in "cd"]
    for writer in (*writers, *threads):
        writer.start()
    seen = set()
    while any(writer.is_alive() for writer in (*writers, *threads)):
        found = json.loads(path.read_text())
        assert len(set(found["of"])) <= 1
        assert len(found["of"]) in (0, 5000)
        seen.add(found["of"][:1])
    for writer in writers:
        writer.join(WAIT_S)
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert len(seen) > 1
    assert names(tmp_path) == ["a.json"]


KILLED = """
import os, signal, sys
from pathlib import Path
from lesion_tracker.files.whole import written_whole
with written_whole(Path(sys.argv[1])) as draft:
    draft.write_text("half of the n")
    if sys.argv[2] == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    print("writing", flush=True)
    sys.stdin.readline()
"""


def test_what_a_killed_writer_left_is_removed_and_what_is_being_written_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text("old", path)
    (tmp_path / ".mine").mkdir()
    killed = subprocess.run([sys.executable, "-c", KILLED, str(path), "killed"], timeout=WAIT_S)
    assert killed.returncode < 0
    assert path.read_text() == "old"
    (left,) = tmp_path.glob(f"{DRAFT}*")
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path), "lives"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "writing\n"
        with written_whole(path) as draft:
            remove_drafts(tmp_path)
            assert not left.exists()
            assert draft.parent.exists()
            draft.write_text("newer")
        writer.communicate("go on\n", timeout=WAIT_S)
    assert writer.returncode == 0
    assert path.read_text() == "half of the n"
    assert names(tmp_path) == [".mine", "a.txt"]


def test_a_draft_that_was_taken_for_a_dead_ones_before_it_was_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flock, taken = fcntl.flock, []

    def late(handle: int, how: int) -> None:
        if not taken:
            taken.append(os.readlink(f"/proc/self/fd/{handle}"))
            os.rmdir(taken[0])
        flock(handle, how)

    monkeypatch.setattr(fcntl, "flock", late)
    write_text("x", tmp_path / "a.txt")
    assert taken
    assert names(tmp_path) == ["a.txt"]
