"""The server: MONAI Label tasks and the pages beside them; the one place that speaks HTTP."""
