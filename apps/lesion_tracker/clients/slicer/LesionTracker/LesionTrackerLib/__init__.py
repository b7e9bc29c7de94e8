"""What the module Lesion Tracker does, without its widget."""  # noqa: N999 - Slicer names modules so
