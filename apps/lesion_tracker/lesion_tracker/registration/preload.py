"""Start a registration process ahead of the first request: loading ITK's modules takes seconds."""

from lesion_tracker.registration import elastix, process_pool


def preload() -> None:
    """Start one process and load its modules; return when it is ready.

    Raises:
        RegistrationFailed: if it does not start.
    """
    pool = process_pool.pool()
    pool.run(elastix.load, {"threads": pool.threads}, process_pool.START_TIMEOUT_S)
