"""Measurements, each beside a yardstick that runs in the same minute."""
