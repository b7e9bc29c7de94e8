"""A patient's results: gathered from marks, fates and studies, downloaded, stored in a PACS, and found there."""
