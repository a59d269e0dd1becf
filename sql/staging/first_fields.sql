-- first_fields: one row per line, the first 2,000 of log_fields: what the logs are like, at little cost.
create or replace temp table first_fields as
select * exclude (object)
from log_fields
limit 2000;
