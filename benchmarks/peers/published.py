"""What the paper's authors published: Table 1 of Cai et al., Deep Lesion Tracker, CVPR 2021, on other data."""

HEAD = ("row of the paper", "CPM@10mm", "CPM@Radius", "MED mm", "seconds per volume, one GPU")

ROWS = (
    ("Affine", 48.33, 65.21, 11.2, 1.82),
    ("VoxelMorph", 49.90, 65.59, 10.9, 0.46),
    ("LENS-LesionGraph", 63.85, 80.42, 8.0, 4.68),
    ("VULD-LesionGraph", 64.69, 76.56, 9.3, 9.07),
    ("VULD-LesaNet", 65.00, 77.81, 9.1, 9.05),
    ("SiamRPN++", 68.85, 80.31, 8.3, 2.24),
    ("LENS-LesaNet", 70.00, 84.58, 7.8, 4.66),
    ("DLT-SSL", 71.04, 81.52, 8.8, 3.57),
    ("DEEDS", 71.88, 85.52, 7.4, 15.3),
    ("DLT-Mix", 78.65, 88.75, 7.1, 3.54),
    ("DLT", 78.85, 86.88, 7.0, 3.58),
)
"""Name, CPM@10mm and CPM@Radius in percent, MED in mm, seconds."""
