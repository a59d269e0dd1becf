-- rejected_lines: gives lines that were read from a copy the text and the reason of the log.
update rejected_lines
set
    line = altered_lines.line,
    reason = coalesce(altered_lines.reason, rejected_lines.reason)
from altered_lines
where
    rejected_lines.file = altered_lines.file
    and rejected_lines.line_number = altered_lines.line_number;
