-- known_experiments: a variable, the most common texts of the field experiments and the map of each.
-- Most lines repeat one of a few texts, and looking up its map is faster than parsing the text again.
-- The texts are those of the first lines.
set variable known_experiments = (
    with
    common_texts as (
        select experiments_text
        from first_fields
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
