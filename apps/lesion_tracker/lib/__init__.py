"""Lesion Tracker: the folders are the way of the data, and imports only go forward along it.

arrays        the vocabulary of array shapes
errors        the tree of errors that a caller may meet
settings      what the operator of a server can set
studies       files, DICOM folders and series -> Volume on a Grid (HU, LPS mm); patient, date and order
registration  two volumes -> FollowupFromBaseline, a map of points in mm
anatomy       lesion centre and radius -> Gaussian heat map
network       template and search crops -> score map
decoding      score map -> centre in mm
metrics       centres and truth -> CPM and MED
tracking      lesions of a pair of studies -> Tracks
correction    what readers marked, accepted and moved, kept with its history
training      pairs and constructed follow-ups -> weights with a card
evaluation    pairs and predictions -> tables of scores
report        tracks -> markups, label maps, pictures, CSV
tasks         all of it as MONAI Label tasks
"""
