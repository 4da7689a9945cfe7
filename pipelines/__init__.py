"""Staged jobs over a workspace, one verb per file, and the command line."""
