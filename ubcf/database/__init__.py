"""DuckDB and the templates of sql/: opening databases, running SQL, printing rows."""

# The formats of `ubcf.database.formats`; here, so that help need not import that module.
FORMATS = ("table", "csv", "json", "jsonl", "markdown")
