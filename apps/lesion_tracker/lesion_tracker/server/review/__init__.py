"""The review page: all time points of a patient in one grid; its clicks, its crops and its job that tracks."""
