"""The fixtures that tests of several rooms use."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.support.builds import Built, build_folder
from tests.support.logs import write_log


@pytest.fixture
def build_from(tmp_path: Path) -> Callable[..., Built]:
    """Builds from lines or (user, track, time) in one log file, in the test's own folder."""

    def build(lines: Iterable[str | tuple[Any, Any, Any]], **options: Any) -> Built:
        write_log(tmp_path / "logs" / "botify-recommender-1" / "data.json", lines)
        return build_folder(tmp_path, **options)

    return build
