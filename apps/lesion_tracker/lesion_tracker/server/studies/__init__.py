"""The server's studies as MONAI Label sees them: in a folder or on a PACS, uploaded, and which comes next."""
