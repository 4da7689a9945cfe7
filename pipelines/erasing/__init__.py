"""Where the bytes of purged diffs are: one enumeration, for `purge` and for `verify`."""
