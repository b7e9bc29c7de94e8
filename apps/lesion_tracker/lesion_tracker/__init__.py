"""Lesion Tracker: the folders are the way of the data, and imports only go forward along it.

errors        the tree of errors that a caller may meet
arrays        the vocabulary of array shapes
records       Lesion, Track, Correction and Measurement, methods and states
places        where weights, clients and the sample lie: in a checkout, a copy, an installed wheel
settings      what the operator of a server can set
files         every file is written whole; lesions.json, tracks.json
volumes       files, DICOM folders and series -> Volume on a Grid (HU, LPS mm)
studies       patient, date and order of studies, and which series of a study is read
pacs          studies of a DICOMweb server
registration  two volumes -> FollowupFromBaseline, a map of points in mm
network       template and search crops, with the anatomy signal -> score map -> peaks in mm
measurement   a point in a lesion -> Measurement: outline, axes, volume
tracking      lesions of a pair of studies -> Tracks, with their size
readers       what readers marked, accepted and moved, kept with its history
scoring       answers and truth -> CPM, MED and their intervals
paper         the paper's benchmark: its files, its volumes, its scores
training      pairs and constructed follow-ups -> weights with a card; corrections -> weights that are not worse
report        tracks -> markups, label maps, pictures, tables
server        all of it as MONAI Label tasks, with the review page beside them
commands      the command line
"""

__version__ = "0.2.0"
