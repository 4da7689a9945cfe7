"""What all tests share: nothing of the person who runs them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine is not a failure: what must be linear is counted, not timed.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

#: Suites whose tests need a browser or several servers each.
_SLOW = tuple(Path(__file__).parent / name for name in ("browser", "conformance"))
_RULES = Path.home() / ".cache" / "kingfisher"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark whole suites as slow, so that `make test` is short."""
    for item in items:
        if item.path.parent in _SLOW:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give each test its own caches, but share the scanner's compiled rules, to save seconds."""
    folder = tmp_path_factory.mktemp("cache")
    _RULES.mkdir(parents=True, exist_ok=True)
    (folder / _RULES.name).symlink_to(_RULES)
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder
