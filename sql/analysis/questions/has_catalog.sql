-- has_catalog: one row: whether {{ tracks }}, a table of tracks, has an entry of a catalog.
select coalesce(bool_or(in_catalog), false) as has_catalog
from {{ tracks }};
