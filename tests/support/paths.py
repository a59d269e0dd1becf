"""Where the project, its sample and the real logs are."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
SAMPLE = PROJECT / "data"
REAL_LOGS = PROJECT.parent / "shared" / "logs"
