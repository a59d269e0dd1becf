"""Available memory, its split between DuckDB and the matrices, and parsing sizes such as 2GiB.

All in bytes.
"""

from __future__ import annotations

import math
import os
import re
from pathlib import Path

from ubcf.errors import OptionError

UNITS = {
    "": 1,
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KIB": 2**10,
    "MIB": 2**20,
    "GIB": 2**30,
    "TIB": 2**40,
}

# The default limit, as a share of the available memory; the system keeps the rest.
DEFAULT_SHARE = 0.7

# Part of the limit that Python, its libraries, and what DuckDB does not count in its own take.
PROCESS_BYTES = 136 * 2**20

# numba and the compiled kernels take this beside it. Below this limit they are not loaded: scipy
# computes the same.
KERNELS_BYTES = 112 * 2**20
LEAST_LIMIT_WITH_KERNELS = 512 * 2**20

# DuckDB's share of the rest: when it works alone, and beside the matrices.
DATABASE_SHARE = 0.6

DATABASE_SHARE_BESIDE_MATRICES = 0.2

# With less, DuckDB cannot hold the buffers that it needs to read and sort.
LEAST_DATABASE_BYTES = 96 * 2**20

# DuckDB's working memory for each thread.
THREAD_BYTES = 64 * 2**20

# Each log file takes this in Python and DuckDB, and this more where several threads read: each
# keeps the rows of a file apart, in buffers of their own, until all files before it are read.
FILE_BYTES = 6 * 2**10
FILE_BUFFER_BYTES = 96 * 2**10

# The buffers of files may take this part of DuckDB's memory, or this much if that is less, unless
# the files themselves are larger than their buffers.
FILE_BUFFERS_SHARE = 1 / 4
FILE_BUFFERS_BYTES = 64 * 2**20

# Assumed where the system does not report its memory.
UNKNOWN_MEMORY = 4 * 2**30


def parse_size(text: str) -> int:
    """A size such as 2GiB, 500MB or 1.5 GB in bytes. Raises OptionError for anything else."""
    match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)\s*", text)
    unit = UNITS.get(match[2].upper()) if match else None
    if match is None or unit is None:
        raise OptionError(f"{text!r} is not a size of memory such as 2GiB or 500MB")
    return int(min(float(match[1]) * unit, float(2**70)))


def default_memory_limit() -> int:
    """70 % of the memory available to this process."""
    return int(DEFAULT_SHARE * available_memory())


def may_load_kernels(limit: int) -> bool:
    """Whether the limit of a build has room for numba and the compiled kernels."""
    return limit >= LEAST_LIMIT_WITH_KERNELS


def _working_memory(limit: int) -> int:
    """What the limit of a build leaves for DuckDB and the matrices."""
    return limit - PROCESS_BYTES - (KERNELS_BYTES if may_load_kernels(limit) else 0)


def database_memory(limit: int) -> int:
    """DuckDB's part of the limit of a build while there are no matrices."""
    return max(int(_working_memory(limit) * DATABASE_SHARE), LEAST_DATABASE_BYTES)


def database_memory_beside_matrices(limit: int, least: int = 0) -> int:
    """DuckDB's part of the limit of a build beside the matrices, at least `least`."""
    return max(int(_working_memory(limit) * DATABASE_SHARE_BESIDE_MATRICES), least)


def matrices_memory(limit: int, least_database: int = 0) -> int:
    """The part of the limit of a build that is left for the matrices."""
    return _working_memory(limit) - database_memory_beside_matrices(limit, least_database)


def limit_for_matrices(needed: int, least_database: int = 0) -> int:
    """The limit of a build that leaves `needed` bytes for the matrices."""
    working = max(math.ceil(needed / (1 - DATABASE_SHARE_BESIDE_MATRICES)), needed + least_database)
    limit = PROCESS_BYTES + working
    return limit + (KERNELS_BYTES if may_load_kernels(limit) else 0)


def most_threads(limit: int) -> int:
    """The number of threads whose working memory the limit of a build bears, at least 1."""
    return max(database_memory(limit) // THREAD_BYTES, 1)


def limit_for_files(files: int) -> int:
    """The least limit of a build that reads this many log files."""
    return PROCESS_BYTES + LEAST_DATABASE_BYTES + files * FILE_BYTES


def one_thread_reads(files: int, file_bytes: int, database: int) -> bool:
    """Whether one thread must read the log files, because several would need too many buffers.

    file_bytes: the size of all files together. database: DuckDB's part of the limit.
    """
    buffers = files * FILE_BUFFER_BYTES
    return buffers > min(FILE_BUFFERS_SHARE * database, max(FILE_BUFFERS_BYTES, file_bytes))


def available_memory() -> int:
    """Memory that this process could allocate now, within its control group."""
    return min([_system_memory(), *_control_group_memory()])


def _system_memory() -> int:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return UNKNOWN_MEMORY


def _control_group_memory() -> list[int]:
    """Memory left by the limits of control groups (versions 1 and 2); empty without a limit."""
    pairs = [
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        (
            "/sys/fs/cgroup/memory/memory.limit_in_bytes",
            "/sys/fs/cgroup/memory/memory.usage_in_bytes",
        ),
    ]
    left = []
    for limit_file, used_file in pairs:
        try:
            limit = int(Path(limit_file).read_text())
            used = int(Path(used_file).read_text())
        except (OSError, ValueError):  # no such group, or the limit reads 'max'
            continue
        left.append(max(limit - used, 0))
    return left
