"""A training ends when the server that started it is gone, also when that happened before its first line ran."""

import os
import warnings

import pytest

from lesion_tracker.errors import InputError

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # monailabel's imports
    from lesion_tracker.server.learning.trainer import end_with


def test_a_training_whose_server_is_another_process_ends() -> None:
    with pytest.raises(InputError, match="the server that started this training is gone"):
        end_with(2**22 + 1)()


@pytest.mark.parametrize("server", [None, os.getpid(), os.getppid()], ids=["unset", "this", "parent"])
def test_a_training_of_this_server_goes_on(server: int | None) -> None:
    check = end_with(server)
    check()
    assert callable(check)
