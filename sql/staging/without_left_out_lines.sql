-- without_left_out_lines: removes the rows of the lines in left_out_lines from events and rejected_lines.
delete from events
where rowid in (select position from left_out_lines where source = 'events');

delete from rejected_lines
where rowid in (select position from left_out_lines where source = 'rejected_lines');
