"""A real PACS (Orthanc) on loopback, and what goes wrong with one."""
