"""3D Slicer's own code, the plugin's own client, and the module Lesion Tracker, against a real server."""
