"""DuckDB and the templates of sql/: opening databases, running SQL, printing rows."""

# The formats of `ubcf.database.formats`; here, so that help need not import that module.
FORMATS = ("table", "csv", "json", "jsonl", "markdown")

# CSV for spreadsheets, which take a text that begins with one of = + - @ for a formula: such texts
# get an apostrophe before them. Numbers stay numbers.
SAFE_CSV = "safe-csv"

# Tables that do not fit the terminal: all columns and whole cells.
WIDE = "wide"
