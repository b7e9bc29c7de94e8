"""What 3D Slicer and OHIF ask for: the tasks that mark, track and correct, sessions, and OHIF's panel."""
