"""The drawn patients' server and the plugin's client, as in tests/server."""

from tests.server.conftest import server, slicer_client

__all__ = ["server", "slicer_client"]
