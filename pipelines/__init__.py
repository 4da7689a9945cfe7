"""Staged jobs over a workspace, one verb a file, and the command line."""
