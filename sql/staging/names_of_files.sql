-- events: replaces the path that was read by the name of the log file.
-- For a staging/events.sql of the user's own, which knows only the paths.
update events
set file = input_files.file
from input_files
where events.file = input_files.path and input_files.file <> input_files.path;
