"""Versions of the weights: one step publishes, one call rolls back, and a process killed in between leaves a whole model."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from lesion_tracker.errors import FileFormatError, InputError
from lesion_tracker.network.tracker_net import TrackerNet
from lesion_tracker.network.weights import load_tracker, save_tracker
from lesion_tracker.server.published_tracker import PublishedTracker
from lesion_tracker.training.learning.publish import MOST_CANDIDATES, SHIPPED, ModelStore
from tests.training.taught import TINY

ROOT = Path(__file__).resolve().parents[3]


def net(seed: int) -> TrackerNet:
    torch.manual_seed(seed)
    return TrackerNet(TINY)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_tracker(net(0), tmp_path / "model", {"name": "first"})
    return tmp_path / "model"


def test_publishing_is_seen_by_a_running_server_and_rolled_back_by_one_call(folder: Path) -> None:
    server, store = PublishedTracker(folder, "cpu"), ModelStore(folder)
    first = server.get()[0]
    assert first is not None
    assert first.name == "first"
    assert server.get()[0] is first
    version = store.add(net(1), {"name": "second"})
    assert server.get()[0] is first
    store.publish(version, SHIPPED)
    second = server.get()[0]
    assert second is not None
    assert second.name == "second"
    assert second.sha256 != first.sha256
    assert store.roll_back() == SHIPPED
    again, now, _ = server.with_version()
    assert again is not None
    assert (again.sha256, now) == (first.sha256, SHIPPED)
    assert [entry["version"] for entry in store.versions()] == [SHIPPED, version]
    with pytest.raises(InputError, match="nothing to roll back to"):
        store.roll_back()


def test_a_version_is_not_published_over_one_that_it_was_not_compared_with(folder: Path) -> None:
    store = ModelStore(folder)
    first, second = store.add(net(1), {"name": "a"}), store.add(net(2), {"name": "b"})
    store.publish(first, SHIPPED)
    with pytest.raises(InputError, match="was published meanwhile"):
        store.publish(second, SHIPPED)
    assert store.published().version == first
    with pytest.raises(InputError, match="there is no version 'nobody'"):
        store.publish("nobody")


def test_a_damaged_version_leaves_the_one_before_it_answering(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = ModelStore(folder)
    version = store.add(net(1), {"name": "second"})
    store.publish(version)
    path = store.folder_of(version) / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    tracker, now, problem = PublishedTracker(folder, "cpu").with_version()
    assert tracker is not None
    assert (tracker.name, now, problem) == ("first", SHIPPED, "")
    assert "is torn" in caplog.text


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 1}', '{"schema": 1, "published": "../x", "before": []}'])
def test_a_damaged_pointer_leaves_the_shipped_weights_answering(folder: Path, text: str) -> None:
    (folder / "published.json").write_text(text)
    with pytest.raises(FileFormatError, match=r"published\.json"):
        ModelStore(folder).published()
    tracker, _ = PublishedTracker(folder, "cpu").get()
    assert tracker is not None
    assert tracker.name == "first"


def test_no_weights_at_all_is_a_reason_and_no_error(tmp_path: Path) -> None:
    tracker, problem = PublishedTracker(tmp_path / "none", "cpu").get()
    assert tracker is None
    assert "there are no published weights" in problem


def test_only_the_newest_candidates_are_kept_and_every_published_version(folder: Path) -> None:
    store = ModelStore(folder)
    published = store.add(net(1), {"name": "second"})
    store.publish(published)
    store.roll_back()
    store.publish(published)
    added = [store.add(net(n), {"name": f"candidate {n}"}) for n in range(MOST_CANDIDATES + 2)]
    kept = {entry["version"] for entry in store.versions()}
    assert kept == {SHIPPED, published, *added[2:]}


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    blocked = tmp_path / "model"
    blocked.write_text("a file where the folder should be")
    with pytest.raises(InputError, match=r"weights cannot be written to .*model: .*--conf model_dir"):
        ModelStore(blocked).require_writable()


def killed_while_publishing(folder: Path, delay_s: float) -> None:
    """Let a process publish version after version, and kill it after a while."""
    code = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
import torch
from lesion_tracker.network.tracker_net import TrackerNet
from lesion_tracker.training.learning.publish import ModelStore
from tests.training.taught import TINY
store = ModelStore(Path({str(folder)!r}))
torch.manual_seed(1)
net = TrackerNet(TINY)
print("ready", flush=True)
while True:
    store.publish(store.add(net, {{"name": "published"}}))
    print("published", flush=True)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(delay_s)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    acknowledged = process.stdout.read().count("published")
    process.stdout.close()
    now = ModelStore(folder).published()
    assert len(now.before) >= acknowledged


@pytest.mark.long
@pytest.mark.parametrize("times", [2, pytest.param(10, marks=pytest.mark.slow)])
def test_killed_while_publishing_the_last_published_model_loads(folder: Path, times: int) -> None:
    rng = random.Random(times)
    for _ in range(times):
        before = len(ModelStore(folder).published().before)
        killed_while_publishing(folder, rng.uniform(0.0, 0.6))
        store = ModelStore(folder)
        now = store.published()
        assert len(now.before) >= before
        loaded = load_tracker(store.folder_of(now.version), "cpu")
        tracker, version, _ = PublishedTracker(folder, "cpu").with_version()
        assert tracker is not None
        assert (tracker.sha256, version) == (loaded.sha256, now.version)
        for path in folder.rglob("*.json"):
            json.loads(path.read_text())
