"""DuckDB and the templates of sql/: opening databases, running SQL, printing rows."""
