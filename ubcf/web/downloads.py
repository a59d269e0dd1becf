"""Rows as files to download: CSV, JSON lines, Parquet."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from starlette.background import BackgroundTask
from starlette.responses import FileResponse

# The forms of a download, the suffix of each, and its media type.
FORMS = {
    "csv": (".csv", "text/csv; charset=utf-8"),
    "jsonl": (".jsonl", "application/x-ndjson"),
    "parquet": (".parquet", "application/vnd.apache.parquet"),
}


def download(name: str, form: str, write: Callable[[Path, str], None]) -> FileResponse:
    """An answer that a browser saves as a file.

    name: of the file, without its suffix. form: one of FORMS. write: writes the rows to a file that
    does not exist yet; it is given the suffix, too.
    """
    suffix, media_type = FORMS[form]
    folder = Path(tempfile.mkdtemp(prefix="ubcf-"))
    try:
        path = folder / f"rows{suffix}"
        write(path, suffix)
        # The file is removed once it is sent, or the reader is gone.
        return FileResponse(
            path,
            media_type=media_type,
            filename=f"{name}{suffix}",
            background=BackgroundTask(shutil.rmtree, folder, ignore_errors=True),
        )
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
