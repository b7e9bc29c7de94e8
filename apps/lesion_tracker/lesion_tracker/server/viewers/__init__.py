"""What 3D Slicer and OHIF ask for: marking, tracking, correcting, sessions and answers."""
