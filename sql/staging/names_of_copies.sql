-- events, where a file was read from a copy of it: the name of the file instead of that of the copy.
update events
set file = input_files.file
from input_files
where events.file = input_files.path and input_files.file <> input_files.path;
