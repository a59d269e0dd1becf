-- parquet_lines: one row per row of the Parquet file in the variable `log_paths`, in its order: a line of JSON.
-- columns: the key of each in JSON, its identifier and its type. Null is an absent field. JSON has no word for NaN
-- and the infinities: they become texts.
create or replace temp view parquet_lines as
with
lines as (
    select
        '{' || concat_ws(
            ', '
            {%- for key, identifier, type in columns %},
            {{ key }} || {% if type.startswith('DECIMAL(') and not type.endswith(']') -%}
                cast({{ identifier }} as varchar)
            {%- elif type in ('DOUBLE', 'FLOAT') -%}
                -- whole numbers beside nulls are often stored so
                case
                    when {{ identifier }} = trunc({{ identifier }}) and abs({{ identifier }}) < 9007199254740992
                        and not signbit({{ identifier }})
                        then cast(cast({{ identifier }} as bigint) as varchar)
                    else cast(to_json({{ identifier }}) as varchar)
                end
            {%- else -%}
                cast(to_json(cast({{ identifier }} as {{ type }})) as varchar)
            {%- endif %}
            {%- endfor %}

        ) || '}' as line
    from read_parquet(getvariable('log_paths'), hive_partitioning = false)
)

select
    case
        when contains(line, 'NaN') or contains(line, 'Infinity')
            then
                replace(
                    replace(
                        -- chr(1) is in no line of JSON: here, two of them follow each text, and one is on each
                        -- side of each other word
                        regexp_replace(
                            line,
                            '("(?:[^"\\]|\\.)*")|(-?(?:NaN|Infinity))',
                            '\1' || chr(1) || '\2' || chr(1),
                            'g'
                        ),
                        chr(1) || chr(1),
                        ''
                    ),
                    chr(1),
                    '"'
                )
        else line
    end as line
from lines;
