"""MONAI Label's entry to the app, and the command line: `python main.py track …` runs without a server."""

import sys

if __name__ == "__main__":
    from lesion_tracker.commands.dispatch import main

    sys.exit(main(program="main.py"))
elif __name__ != "__mp_main__":  # the command line's own processes need no server
    from lesion_tracker.server.app import LesionTrackerApp as LesionTrackerApp
