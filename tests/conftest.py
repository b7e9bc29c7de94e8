"""Every test run checks array shapes and types at the borders of the package (jaxtyping + beartype)."""

from jaxtyping import install_import_hook

install_import_hook("lesion_tracker", "beartype.beartype")
