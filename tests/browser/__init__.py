"""OHIF as it comes with MONAI Label, in a real Chromium."""
