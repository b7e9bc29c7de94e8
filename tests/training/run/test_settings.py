"""A run's settings: what a file leaves out, what it may not say, and a backbone that only the table names."""

from pathlib import Path

import pytest
from torch import nn

from lesion_tracker.errors import FileFormatError, InputError
from lesion_tracker.network.backbones import BACKBONES
from lesion_tracker.network.config import NetworkConfig
from lesion_tracker.network.dense_fpn import DenseFPN
from lesion_tracker.training.examples.scenario import ScenarioSettings
from lesion_tracker.training.run.settings import TrainingSettings, read_settings
from lesion_tracker.training.run.start import new_net

LEAST = '[data]\nfolder = "prepared"\n[run]\noutput = "run"\n'


def read(folder: Path, more: str) -> TrainingSettings:
    """Read a file of the least that a run needs, and more."""
    path = folder / "config.toml"
    path.write_text(LEAST + more)
    return read_settings(path)


def test_sizes_that_the_file_leaves_out_are_those_of_training(tmp_path: Path) -> None:
    small = NetworkConfig(blocks=(4, 8, 12), growth=24, stem=48)
    assert read(tmp_path, "").network == small
    assert read(tmp_path, "").scenario == ScenarioSettings()
    found = read(tmp_path, '[network]\nblocks = [1, 2, 3]\nglobal_kernel = "none"\nflattening = "middle"\n')
    assert found.network == NetworkConfig(blocks=(1, 2, 3), growth=24, stem=48, global_kernel=None, flattening="middle")


def test_settings_go_to_json_and_back(tmp_path: Path) -> None:
    found = read(tmp_path, '[network]\nglobal_kernel = "none"\n[scenario]\nsearch_voxels = [[64, 64, 32]]\n')
    assert TrainingSettings(**found.model_dump(mode="json")) == found


REFUSED = {
    "unknown size": ("[network]\ngrwth = 3", r"network\.grwth: .*got 3"),
    "size of another type": ('[network]\ngrowth = "a"', r"network\.growth: .*valid integer.*got 'a'"),
    "size below 1": ("[network]\ngrowth = 0", r"network: .*must be positive.*growth=0"),
    "unknown fusion": ('[network]\nfusion = "add"', r"network\.fusion: .*'multiply' or 'concatenate'.*got 'add'"),
    "unknown backbone": ('[network]\nbackbone = "unet"', r"network: .*backbone 'unet' is not known: .*'dense_fpn'"),
    "unknown scenario": ("[scenario]\nimplants = 0.5", r"scenario\.implants: .*got 0\.5"),
    "share above 1": ("[scenario]\nimplant = 1.5", r"scenario\.implant: .*less than or equal to 1.*got 1\.5"),
    "no search crop": ("[scenario]\nsearch_voxels = []", r"scenario: .*search_voxels is empty"),
    "crop of half blocks": ("[scenario]\ntemplate_voxels = [64, 60, 24]", r"scenario: .*multiple of .*\(64, 60, 24\)"),
    "no lesion": ("[scenario]\nlesions = 0", r"scenario\.lesions: .*greater than or equal to 1.*got 0"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_refused_with_its_key_and_value(name: str, tmp_path: Path) -> None:
    more, message = REFUSED[name]
    with pytest.raises(FileFormatError, match=message):
        read(tmp_path, more + "\n")


def test_a_backbone_of_the_table_can_be_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BACKBONES, "same", DenseFPN)
    settings = read(tmp_path, '[network]\nbackbone = "same"\nblocks = [1, 1, 1]\ngrowth = 8\nstem = 8\nfeatures = 8\n')
    net, calibrating = new_net(settings)
    assert net.config.backbone == "same"
    assert calibrating


def test_imagenet_weights_are_of_the_dense_pyramid_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BACKBONES, "other", lambda config: nn.Conv3d(3, config.features, 1))
    settings = read(tmp_path, 'imagenet = "densenet121.pth"\n[network]\nbackbone = "other"\n')
    with pytest.raises(InputError, match=r"run\.imagenet .* but network\.backbone is 'other'"):
        new_net(settings)
