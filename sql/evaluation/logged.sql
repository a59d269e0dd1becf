-- {{ target }}: one row per event that was read. Renames the table events, whose name is needed for the
-- training part: the models read only that.
alter table events rename to {{ target }};
