-- events: replaces the path of a copy by the name of the log file that was copied.
update events
set file = input_files.file
from input_files
where events.file = input_files.path and input_files.file <> input_files.path;
