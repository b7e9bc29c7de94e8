"""The server's studies: those of a folder or of a PACS, and which comes next."""
