"""Files, DICOM folders and series to volumes in HU on a grid in LPS mm; patient, date and order of studies."""
