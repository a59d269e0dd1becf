-- whole_characters: a macro, a JSON text in which U+FFFD replaces each half of a surrogate pair.
-- Programs that cut a text within an emoji write such halves, as \ud83d; DuckDB takes the whole text for no JSON.
-- chr(29) stands for an escaped backslash, and chr(30) for the \u of whole pairs: JSON holds neither character.
create or replace temp macro whole_characters(json_text) as
    case
        when not regexp_matches(json_text, '\\u[dD][89a-fA-F]') then json_text
        when contains(json_text, chr(29)) or contains(json_text, chr(30)) then json_text
        else replace(
            replace(
                regexp_replace(
                    regexp_replace(
                        replace(json_text, '\\', chr(29)),
                        '\\u([dD][89abAB][[:xdigit:]]{2})\\u([dD][c-fC-F][[:xdigit:]]{2})',
                        chr(30) || '\1' || chr(30) || '\2',
                        'g'
                    ),
                    '\\u[dD][89a-fA-F][[:xdigit:]]{2}',
                    '\\ufffd',
                    'g'
                ),
                chr(30),
                '\u'
            ),
            chr(29),
            '\\'
        )
    end;
