"""Tests mirror the folders of the package; `server` starts real servers, `conftest.py` checks every array shape."""
