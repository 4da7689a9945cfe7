"""Enumerate the places of purged bytes: once, for `purge` and for `verify`."""
