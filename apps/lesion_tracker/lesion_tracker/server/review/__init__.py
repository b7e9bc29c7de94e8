"""The review page: all time points of a patient in one grid."""
