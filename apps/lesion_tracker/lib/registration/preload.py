"""Start the registration engine ahead of the first request: loading ITK's modules takes seconds."""

from lib.registration import engine


def preload() -> None:
    """Start one engine and load its modules; return when it is ready.

    Raises:
        RegistrationFailed: if it does not start.
    """
    pool = engine.pool()
    pool.run("load", {"threads": pool.threads}, engine.START_TIMEOUT_S)
