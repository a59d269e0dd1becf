-- events: adds one column that a reading of the user's own leaves out: a play without a time counts as 1, the
-- only log is the file of all events, and everything else is null.
alter table events add column "{{ column }}" {{ type }};
{% if column == 'time' %}
update events set time = 1;
{% elif column == 'file' %}
update events set file = getvariable('input_files')[1];
{% endif %}
