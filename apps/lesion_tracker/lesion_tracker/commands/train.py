"""`train`: train the network on prepared arrays, or go on where a run stopped, and write its weights and card."""

import argparse
import logging
import os
import sys
from pathlib import Path

from lesion_tracker.training.run.run import train
from lesion_tracker.training.run.settings import read_settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("config", type=Path, help="TOML file; docs/training.md names its keys")
    parser.add_argument(
        "--data", type=Path, metavar="FOLDER", help="prepared arrays, instead of the file's data.folder"
    )
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="of the run, instead of the file's run.output")


def run(args: argparse.Namespace) -> int:
    """Train to the last step and return 0; the same command goes on with a run that was stopped."""
    settings = read_settings(args.config, args.data, args.out)
    first = os.environ.get("RANK", "0") == "0"
    logging.basicConfig(
        level=logging.INFO if first else logging.ERROR,
        format="%(asctime)s %(message)s",
        datefmt="%H:%M:%S",
        stream=sys.stderr,
    )
    train(settings, f"lesion-tracker train {args.config.name}")
    if first:
        print(f"weights and card: {settings.run.output / 'model'}")
    return 0
