"""Measurements, each beside a yardstick that runs in the same minute.

A figure by itself says more about the machine than about the code, so none is printed so: each
is divided by what a plain tool needs for the same bytes on the same disk, run by run in turn.
Nothing here fails for being slow.
"""
