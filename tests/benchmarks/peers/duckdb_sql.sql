-- From logs to lists in SQL: similarity by a self-join, scores by a join, ranking by row_number.
set memory_limit = '60%';  -- so that it spills before the suite's memory limit ends it
set temp_directory = '{output}.tmp';
set preserve_insertion_order = false;

create temp table events as
select "user", track, "time"
from read_json(
    '{logs}',
    format = 'newline_delimited',
    columns = {{"user": 'bigint', track: 'bigint', "time": 'double'}}
);

create temp table tracks as
select track, row_number() over (order by sum("time") desc, track) as popularity
from events
group by track;

create temp table users as
select "user", avg("time") as mean_time
from events
group by "user";

-- One row per user and track heard; centered times that are rounding errors are left out.
create temp table interactions as
select "user", track, avg("time" - mean_time) as centered_time
from events
join users using ("user")
group by "user", track
having abs(avg("time" - mean_time)) >= 1e-9;

create temp table unit_interactions as
select
    "user",
    track,
    centered_time / sqrt(sum(centered_time ** 2) over (partition by "user")) as unit_time
from interactions;

create temp table similarities as
select mine."user", theirs."user" as neighbor, sum(mine.unit_time * theirs.unit_time) as similarity
from unit_interactions as mine
join unit_interactions as theirs on mine.track = theirs.track and mine."user" <> theirs."user"
group by mine."user", theirs."user"
having abs(sum(mine.unit_time * theirs.unit_time)) >= 1e-12;

create temp table scores as
select similarities."user", track, sum(similarity * centered_time) as score
from similarities
join interactions on similarities.neighbor = interactions."user"
group by similarities."user", track;

-- Users whose positive scores do not fill a list: every track counts for them, scored or not.
create temp table short_users as
select "user"
from users
left join scores using ("user")
group by "user"
having count(*) filter (where score > 0) < {list_length};

copy (
    with candidates as (
        select "user", track, score
        from scores
        where score > 0 and "user" not in (from short_users)
        union all
        select short_users."user", tracks.track, coalesce(score, 0) as score
        from short_users
        cross join tracks
        left join scores
            on short_users."user" = scores."user" and tracks.track = scores.track
    ),

    ranked as (
        select
            "user",
            track,
            row_number() over (partition by "user" order by score desc, popularity) as "rank"
        from candidates
        join tracks using (track)
    )

    select "user", list(track order by "rank") as tracks
    from ranked
    where "rank" <= {list_length}
    group by "user"
    order by "user"
) to '{output}' (format json);
