-- known_experiments, a variable: the most common texts of experiments among the first log lines, and their maps.
-- Most lines repeat one of a few texts: looking its map up takes less time than making it anew.
set variable known_experiments = (
    with
    texts as (
        select cast(
            try(json_transform(line, '{"experiments": "JSON"}')).experiments as varchar
        ) as experiments_text
        from (
            select line
            from log_text
            limit 2000
        )
    ),

    common_texts as (
        select experiments_text
        from texts
        where experiments_text is not null
        group by experiments_text
        order by count(*) desc
        limit 16
    ),

    maps as (
        select
            experiments_text,
            try(json_transform(experiments_text, '"MAP(VARCHAR, VARCHAR)"')) as experiments
        from common_texts
    )

    select map_from_entries(list((experiments_text, experiments)))
    from maps
);
