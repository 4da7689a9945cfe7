"""Formats of session-codec: bytes and records in, bytes and records out.

Nothing here opens a path, reads a clock or the environment, prints, or uses the network.
"""
