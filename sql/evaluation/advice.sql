-- advice: one row per sentence about a comparison of presets, in order.
create table advice as
select
    unnest(getvariable('advice_topics')) as topic,
    unnest(getvariable('advice_sentences')) as sentence;
