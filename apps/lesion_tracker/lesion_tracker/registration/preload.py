"""Start a registration process ahead of the first request: loading ITK's modules takes seconds."""

from lesion_tracker.registration import process_pool


def preload() -> None:
    """Start one process and load its modules; return when it is ready.

    Raises:
        RegistrationFailed: if it does not start.
    """
    pool = process_pool.pool()
    pool.run("load", {"threads": pool.threads}, process_pool.START_TIMEOUT_S)
