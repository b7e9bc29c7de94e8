"""Studies of a DICOMweb server: its series found, chosen, fetched and kept."""
