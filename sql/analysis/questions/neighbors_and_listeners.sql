-- neighbors_and_listeners: one row: how many count for a user, how many of these heard a track, and who else did.
-- other_listeners: all users but this one who heard the track. in_logs: whether the logs have the user.
-- variable user: the user.
-- variable track: the track.
with
counting as (
    from weights_of(getvariable('user'))
),

listeners as (
    select "user"
    from interactions
    where track = getvariable('track') and "user" <> getvariable('user')
)

select
    (select count(*) from counting) as neighbors,
    (
        select count(*)
        from counting
        inner join listeners on counting.neighbor = listeners."user"
    ) as neighbors_who_heard,
    (select count(*) from listeners) as other_listeners,
    (select count(*) > 0 from users where "user" = getvariable('user')) as in_logs;
