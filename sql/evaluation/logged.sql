-- {{ target }}: one row per event that was read, under a name of its own: the models read the table
-- events, which is to be the training part alone.
alter table events rename to {{ target }};
