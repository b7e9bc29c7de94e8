"""`python -m lesion_tracker.server.start start_server …`: `monailabel`, without loading what MONAI only looks for.

MONAI loads all of its own modules at once, and these load whatever they find installed: a third to a half of a start's seconds.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

OPTIONAL = ("ignite", "itk", "matplotlib", "mlflow", "pandas", "tensorboard")
"""Libraries that MONAI can do without, and none of whose uses a server reaches; who imports one itself gets it."""


@contextmanager
def left_out(names: tuple[str, ...] = OPTIONAL) -> Iterator[None]:
    """Let libraries look as if they were not installed while the block imports; what is loaded already stays."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type] # None: Python's own way to say so
    try:
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name, None)


def main() -> None:
    """Run MONAI Label's command line."""
    with left_out():
        import monai  # noqa: F401 - with all of its modules
    from monailabel.main import Main

    Main().run()


if __name__ == "__main__":
    main()
