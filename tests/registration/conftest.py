"""One process for all tests here: loading ITK's modules takes seconds."""

import pytest

from lesion_tracker.registration.preload import preload


@pytest.fixture(scope="session")
def loaded_process() -> None:
    """Start the process once."""
    preload()
