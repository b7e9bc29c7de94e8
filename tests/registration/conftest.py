"""One engine for all tests here: loading ITK's modules takes seconds."""

import pytest

from lesion_tracker.registration.preload import preload


@pytest.fixture(scope="session")
def loaded_engine() -> None:
    """Start the engine once."""
    preload()
