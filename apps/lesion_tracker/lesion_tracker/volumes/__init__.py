"""Files, DICOM folders and series -> a Volume in HU on a Grid in LPS mm."""
