"""The tables that a build or an evaluation leaves, and those of their columns that are read."""

from __future__ import annotations

# By table: columns, each with its type where that is always the same. An id has any type, and what
# DuckDB stores a number as may depend on the values.
Columns = dict[str, str | None]

BUILD_TABLES: dict[str, Columns] = {
    "build": {
        "version": "VARCHAR",
        "started_at": "TIMESTAMP",
        "seconds": None,
        "options": "JSON",
        "lines": None,
        "accepted": None,
        "rejected": None,
        "left_out": None,
        "duplicate_lines": None,
        "suspicious_repeats": "BOOLEAN",
        "users": "BIGINT",
        "tracks": "BIGINT",
        "interactions": "BIGINT",
        "density": "DOUBLE",
        "mean_positive_neighbors": "DOUBLE",
        "mean_negative_neighbors": "DOUBLE",
        "users_without_positive_score": "BIGINT",
        "tracks_without_catalog_entry": "BIGINT",
        "recommendations_without_catalog_entry": "BIGINT",
        "recommendable_tracks": "BIGINT",
        "unknown_given_tracks": "BIGINT",
        "recommendations": "BIGINT",
        "plan": "VARCHAR",
        "plan_reason": "VARCHAR",
        "plan_estimates": "JSON",
    },
    "build_inputs": {
        "file": "VARCHAR",
        "bytes": None,
        "lines": None,
        "accepted": None,
        "rejected": None,
        "left_out": None,
        "copy_of": "VARCHAR",
    },
    "build_stages": {"stage": "VARCHAR", "seconds": None, "rows": None},
    "events": {
        "file": "VARCHAR",
        "message": "VARCHAR",
        "timestamp": "TIMESTAMP",
        "user": None,
        "track": None,
        "time": None,
        "latency": "DOUBLE",
        "recommendation": None,
        "experiments": "MAP(VARCHAR, VARCHAR)",
    },
    "interactions": {
        "user": None,
        "track": None,
        "plays": "BIGINT",
        "mean_time": "DOUBLE",
        "centered_time": "DOUBLE",
        "counted_time": "DOUBLE",
    },
    "neighbors": {
        "user": None,
        "rank": None,
        "neighbor": None,
        "similarity": "DOUBLE",
        "common_tracks": None,
    },
    "recommendations": {
        "user": None,
        "rank": None,
        "track": None,
        "score": "DOUBLE",
        "heard": "BOOLEAN",
        "source": "ENUM('neighbors', 'own', 'popularity', 'tail')",
    },
    "rejected_lines": {
        "file": "VARCHAR",
        "line_number": None,
        "reason": "VARCHAR",
        "line": "VARCHAR",
    },
    "tracks": {
        "track": None,
        "artist": None,
        "title": None,
        "genre": None,
        "pop": None,
        "plays": None,
        "listeners": None,
        "total_time": None,
        "popularity_rank": None,
        "bias": None,
        "in_catalog": "BOOLEAN",
        "recommendable": "BOOLEAN",
    },
    "weights": {"user": None, "neighbor": None, "weight": "DOUBLE"},
    "users": {
        "user": None,
        "events": None,
        "tracks": None,
        "mean_time": "DOUBLE",
        "bias": None,
        "norm": "DOUBLE",
        "positive_neighbors": None,
        "negative_neighbors": None,
        "positive_scores": None,
    },
}

# Tables that builds before version 0.2 did not leave.
NEW_TABLES = {"weights"}

# `ubcf sql` can query an evaluation too.
EVALUATION_TABLES: dict[str, Columns] = {
    "evaluation": {"version": "VARCHAR", "options": "JSON"},
    "metrics": {"setting": "VARCHAR", "metric": "VARCHAR", "value": "DOUBLE"},
    "metrics_by_user": {"setting": "VARCHAR", "metric": "VARCHAR", "user": None, "value": "DOUBLE"},
    "settings": {"setting": "VARCHAR", "options": "JSON"},
}

# The macros that a build leaves, in the order of their making: each has a template of its own.
MACROS = ("time_scale", "scaled_time", "scaled_difference", "similarities_of", "weights_of")
