"""The whole model as SQL, in DuckDB alone: it runs duckdb_sql.sql, which is all there is.

    python tests/benchmarks/peers/duckdb_sql.py LOGS_DIR OUTPUT_JSON

All neighbors, exact. DuckDB may spill to a folder beside the output.
"""

import sys
from pathlib import Path

import duckdb
from lists import LIST_LENGTH, log_pattern


def main(logs_dir: str, output_json: str) -> None:
    """Turn the logs below `logs_dir` into one line of recommendations a user."""
    script = Path(__file__).with_suffix(".sql").read_text()
    output = output_json.replace("'", "''")
    words = {"logs": log_pattern(logs_dir), "output": output, "list_length": LIST_LENGTH}
    duckdb.execute(script.format(**words))


if __name__ == "__main__":
    main(*sys.argv[1:])
