-- similarity_products: one row: the multiplications that the similarities of all pairs of users take.
-- Each pair of listeners of a track, in both orders, takes one.
select sum(cast(listeners as double) * listeners) as similarity_products
from track_times;
