"""Find the places of purged bytes, for `purge` and for `verify`."""
