"""The server's settings: parsed once, and an unknown name is named."""

import pytest
from pydantic import ValidationError

from lesion_tracker.errors import InputError
from lesion_tracker.settings import Settings, parse_settings


def test_defaults() -> None:
    settings = parse_settings({}, {"HOME": "/", "MONAI_LABEL_SESSIONS": "true"})
    assert settings == Settings()
    assert (settings.method, settings.device, settings.background) == ("auto", "auto", True)


def test_conf_goes_before_the_environment() -> None:
    environment = {"LESION_TRACKER_METHOD": "affine", "LESION_TRACKER_WORKERS": "3"}
    settings = parse_settings({"method": "bspline"}, environment)
    assert (settings.method, settings.workers) == ("bspline", 3)


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().method = "affine"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("conf", "environment", "text"),
    [
        ({"metod": "affine"}, {}, "unknown setting: --conf metod; known names: method, device"),
        ({}, {"LESION_TRACKER_METOD": "affine"}, "unknown setting: LESION_TRACKER_METOD"),
        ({"method": "magic"}, {}, "--conf method: Input should be 'auto', 'dlt', 'affine'"),
        ({"workers": "0"}, {}, "--conf workers: Input should be greater than or equal to 1, got '0'"),
        ({}, {"LESION_TRACKER_DEVICE": "tpu"}, "LESION_TRACKER_DEVICE: String should match pattern"),
    ],
)
def test_what_is_wrong_is_named(conf: dict[str, str], environment: dict[str, str], text: str) -> None:
    with pytest.raises(InputError) as refused:
        parse_settings(conf, environment)
    assert text in str(refused.value)
