"""Settings of the property tests."""

from __future__ import annotations

from hypothesis import settings

# A busy machine is no failure: what must be linear is counted, not timed.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
