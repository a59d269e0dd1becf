-- iso_timestamp: a macro, the moment that a text in the form of ISO 8601 means, in UTC; null for any other text.
-- Without an offset, the text is taken for UTC.
create or replace temp macro iso_timestamp(text) as
    case
        when
            regexp_full_match(
                text,
                '[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?'
            )
            then
                try_cast(regexp_replace(text, '(:[0-9.]+)(Z|[+-][0-9:]+)$', '\1') as timestamp)
                - to_minutes(
                    case regexp_extract(text, ':.*([+-])[0-9:]+$', 1)
                        when '+' then 1
                        when '-' then -1
                        else 0
                    end * (
                        coalesce(try_cast(regexp_extract(text, ':.*[+-]([0-9]{2}):?[0-9]{2}$', 1) as bigint), 0) * 60
                        + coalesce(try_cast(regexp_extract(text, ':.*[+-][0-9]{2}:?([0-9]{2})$', 1) as bigint), 0)
                    )
                )
    end;
