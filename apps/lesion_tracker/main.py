"""MONAI Label's entry to the app, and the command line: `python main.py track …` runs without a server."""

import sys

if __name__ == "__main__":
    from lib.commands.dispatch import main

    sys.exit(main())
else:
    from lib.tasks.app import LesionTrackerApp as LesionTrackerApp
