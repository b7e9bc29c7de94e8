"""MONAI Label tasks: the one place that speaks HTTP and imports monailabel."""
