"""Templates that replace those of sql/, and logs of other formats that they read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.builds import Built, build_in

# Lines user|track|time, whose ids are texts.
EVENTS_OF_TEXTS = """
create table events as
select
    filename as file, null as message, null as timestamp, "user", track, time,
    null as latency, null as recommendation, null as experiments
from read_csv(
    getvariable('log_paths'), delim = '|', header = false, filename = true,
    columns = {'user': 'VARCHAR', 'track': 'VARCHAR', 'time': 'DOUBLE'}
)
"""

# Ratings from 1 to 5 in a CSV file, by users whose ids are text.
RATINGS_EVENTS = """
create table events as
select
    filename as file,
    cast(null as varchar) as message,
    cast(null as timestamp) as timestamp,
    "user",
    item as track,
    rating / 5 as time,
    cast(null as double) as latency,
    cast(null as bigint) as recommendation,
    cast(null as map(varchar, varchar)) as experiments
from read_csv(
    getvariable('log_paths'),
    header = true,
    columns = {'user': 'VARCHAR', 'item': 'BIGINT', 'rating': 'DOUBLE'},
    filename = true
);
"""

RATINGS = """user,item,rating
müller,1,5
müller,2,1
o'hara,1,4
o'hara,3,2
"a,b",2,5
"a,b",3,1
"x""y",1,3
zoë \\ 🎵,3,5
Zoe,2,2
12,1,1
"""


def overlay(templates: Path, name: str, text: str) -> Path:
    """Writes a file, such as staging/events.sql, into a folder of templates."""
    path = templates / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return templates


def build_ratings(folder: Path, ratings: str = RATINGS, **options: Any) -> Built:
    """Builds from ratings in a CSV file, which the template RATINGS_EVENTS reads."""
    templates = overlay(folder / "templates", "staging/events.sql", RATINGS_EVENTS)
    log = folder / "ratings.csv"
    log.write_text(ratings, encoding="utf-8")
    return build_in(folder, log, templates=templates, **options)
