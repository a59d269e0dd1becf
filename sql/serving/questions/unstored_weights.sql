-- unstored_weights: one row if the scores of a given user come from weights that the build did not store: the user.
-- A user with a neighbor has weights in a walk. Of the weights of a ridge, a build stores only the greatest.
-- variable user: the given user.
-- variable user_of_weights: the user whose weights the table weights has for a while.
select users."user"
from users
cross join build
where
    users."user" = getvariable('user')
    and getvariable('user_of_weights') is distinct from users."user"
    and (
        coalesce(build.options ->> 'similarity', 'full') = 'ridge'
        or (
            users.positive_neighbors > 0
            and coalesce(cast(build.options ->> 'walk' as bigint), 0) > 0
            and not exists (select * from weights where weights."user" = getvariable('user'))
        )
    );
