"""Kernels compile also where numba finds no place for its cache."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

pytest.importorskip("numba")

import numba
from numba.core import caching

from ubcf.scoring.kernels.selection import compiled_with


def double(value: int) -> int:
    return value * 2


def test_the_cache_is_a_private_folder_where_neither_package_nor_home_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        caching.CompileResultCacheImpl, "_locator_classes", [caching.UserProvidedCacheLocator]
    )
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    assert compiled_with(double)(21) == 42
    (folder,) = tmp_path.iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert list(folder.rglob("*.nbi"))

    # A folder that others can write to could hold their code.
    folder.chmod(0o777)
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    assert compiled_with(double)(21) == 42
    assert vars(numba.config)["CACHE_DIR"] == ""
