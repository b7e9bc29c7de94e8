"""The weights in the repository: whole, small, of studies that no figure is made from, and described by their card."""

import tomllib
from pathlib import Path

import pytest

from benchmarks.accuracy.data import CALIBRATION, FINAL, MODEL
from lesion_tracker.network.tracker import Tracker
from lesion_tracker.network.weights import WEIGHTS_FILE, load_tracker
from lesion_tracker.tracking.confidence import Calibration


@pytest.fixture(scope="module")
def shipped() -> Tracker:
    return load_tracker(MODEL, "cpu")  # checks the hash and that every tensor fits


def test_they_are_small_and_their_card_says_what_they_are(shipped: Tracker) -> None:
    card = shipped.card
    assert (MODEL / WEIGHTS_FILE).stat().st_size == card["bytes"] <= 20e6
    said = "name config input data validation_data steps seed hardware command figures limits sha256 calibration"
    assert [key for key in said.split() if not card.get(key)] == []
    Calibration.from_json(card["calibration"])
    assert all(study["licence"] for study in (*card["data"], *card["validation_data"]))
    assert "not a medical device" in card["limits"]


def test_no_study_that_a_figure_is_made_from_was_trained_on(shipped: Tracker) -> None:
    trained = {study["name"] for study in shipped.card["data"]}
    assert len(trained) == 11
    assert not trained & {*FINAL, *CALIBRATION}
    assert {study["name"] for study in shipped.card["validation_data"]} <= set(CALIBRATION)


def test_the_next_weights_learn_from_no_study_that_a_figure_is_made_from() -> None:
    data = tomllib.loads((Path(MODEL) / "v2.toml").read_text())["data"]
    assert len(data["studies"]) == 20
    assert not set(data["studies"]) & {*FINAL, *CALIBRATION, *data["validation"]}
    assert set(data["licences"]) == {*data["studies"], *data["validation"]}


@pytest.mark.parametrize("settings", ["train.toml", "continue.toml"])
def test_the_settings_name_the_studies_of_the_card(shipped: Tracker, settings: str) -> None:
    data = tomllib.loads((Path(MODEL) / settings).read_text())["data"]
    assert set(data["studies"]) == {study["name"] for study in shipped.card["data"]}
    assert set(data["validation"]) <= set(CALIBRATION)
