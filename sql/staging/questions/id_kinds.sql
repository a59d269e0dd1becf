-- id_kinds: one row per id of {{ lines }}, user and track: in how many lines it is a text, and a whole number.
-- Files that know no types have a text where an id is not written as a plain whole number: untyped_texts.
{% for name in ['user', 'track'] %}
select
    '{{ name }}' as id,
    {% if untyped %}
    count(*) filter (
        is_untyped
        and coalesce(cast(try_cast({{ name }}_text as bigint) as varchar) <> {{ name }}_text, true)
    ) as untyped_texts,
    {% else %}
    0 as untyped_texts,
    {% endif %}
    count(*) filter (starts_with({{ name }}_text, '"')) as texts,
    count(*) filter (regexp_full_match({{ name }}_text, '-?[0-9]+')) as whole_numbers
from {{ lines }}
where
    {{ name }}_text is not null
    {% if where %}
    and {{ where }}
    {% endif %}
{{ '' if loop.last else 'union all' }}
{% endfor %}
order by id desc;
