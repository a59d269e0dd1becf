"""Logs and catalogs as they come: where they are, in which format, and with which fields.

Everything becomes lines of JSON, which one reader judges, whatever its format:

    log_options      the options: formats, fields, conditions, ids, scale
    logs             finding the logs on this machine, and noticing when they change
    transfer         the same on other machines, by copies; standard_input too
    records          the format of a file, and its records as lines of JSON, by
      delimited        CSV and TSV
      json_array       a JSON array
      record_lines     the copy that the records are written to
    lines            the bytes of lines: all counted, and none that DuckDB would break or lose
    fields           where the fields of an event are in a line, by names, paths and
      expressions      the language of --field and --where, parsed by expression_tree
    log_lines        the views log_fields and log_lines, by the options and by what the logs tell
"""
