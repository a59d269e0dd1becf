"""From logs to a database and a JSON file: reading, modeling, scoring, storing, checking."""
