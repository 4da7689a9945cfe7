"""What all tests share: nothing of the person who runs them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine is not a failure: what must be linear is counted, not timed.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

_RULES = Path.home() / ".cache" / "kingfisher"


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give each test its own caches, but share the scanner's compiled rules, to save seconds."""
    folder = tmp_path_factory.mktemp("cache")
    _RULES.mkdir(parents=True, exist_ok=True)
    (folder / _RULES.name).symlink_to(_RULES)
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder
