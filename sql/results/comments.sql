-- comments: the comments of all tables and columns, so that the database explains itself.
-- One transaction: otherwise each statement would be written to disk separately.
begin;

comment on table events is 'accepted log lines, one row each, in the order of the files and of their lines';
comment on column events.file is 'log file of the line';
comment on column events.message is 'next: a track was played and another one asked for; last: the play ended the session';
comment on column events.timestamp is 'when the service logged the line, UTC';
comment on column events."user" is 'id of the user who listened';
comment on column events.track is 'id of the track listened to';
comment on column events.time is 'fraction of the track listened to, 0 to 1; for ratings, of their range (see scale in build.options)';
comment on column events.latency is 'time that the service took to answer, in seconds';
comment on column events.recommendation is 'track that the service recommended next; null if the play ended the session';
comment on column events.experiments is 'A/B experiments of the user at that moment: name to treatment';

comment on table rejected_lines is 'rejected log lines, one row each';
comment on column rejected_lines.file is 'log file of the line';
comment on column rejected_lines.line_number is 'number of the line in its file, from 1';
comment on column rejected_lines.reason is 'why it is not an event';
comment on column rejected_lines.line is 'text of the line; ? stands for bytes that are not UTF-8, and only the head of a very long line is kept';

comment on table tracks is 'tracks of the logs and of the catalog, one row each, the most popular first';
comment on column tracks.track is 'id of the track';
comment on column tracks.artist is 'artist, from the catalog';
comment on column tracks.title is 'title, from the catalog';
comment on column tracks.genre is 'genre as text, from the catalog; a list reads like [1, 2]';
comment on column tracks.pop is 'popularity according to the catalog';
comment on column tracks.plays is 'number of events of the track';
comment on column tracks.listeners is 'number of users who played it';
comment on column tracks.total_time is 'listening time over all users, in tracks: the sum of time over its events';
comment on column tracks.popularity_rank is 'rank by total_time, then by id, from 1; null: not in the logs';
comment on column tracks.bias is 'bias of the track in the baseline: how much more of it users listen to than of an average track; null: no baseline (centering)';
comment on column tracks.in_catalog is 'whether it is in the catalog';
comment on column tracks.recommendable is 'whether it may be recommended (see catalog_only, tracks and not_tracks in build.options)';

comment on table users is 'users in the logs, one row each';
comment on column users."user" is 'id of the user';
comment on column users.events is 'number of events of the user';
comment on column users.tracks is 'number of different tracks heard';
comment on column users.mean_time is 'mean of time over all events of the user';
comment on column users.bias is 'bias of the user in the baseline: how much more of a track the user listens to than an average user; null: no baseline (centering)';
comment on column users.norm is 'Euclidean norm of the counted times of the user, each multiplied by listeners^-track_exponent (by default 1; see build.options); 0: no similarity to anybody';
comment on column users.positive_neighbors is 'number of users with a similarity above 0; null: not counted';
comment on column users.negative_neighbors is 'number of users with a similarity below 0; null: not counted';
comment on column users.positive_scores is 'number of tracks with a score above 0; null: not counted, at least as many as there are recommendations';

comment on table interactions is 'plays of a track by a user, one row per user and track heard';
comment on column interactions."user" is 'id of the user';
comment on column interactions.track is 'id of the track';
comment on column interactions.plays is 'number of events of the user on the track';
comment on column interactions.mean_time is 'mean of time over these events';
comment on column interactions.centered_time is 'mean_time minus the expected time: by default the mean time of the user (see centering in build.options); 0 if its magnitude is under 1e-9';
comment on column interactions.counted_time is 'what the interaction contributes to similarities and scores: centered_time plus the offset in build.options (by default 0)';

comment on table neighbors is 'the most similar users (similarity above 0) of each user, one row per pair, at most 50 per user';
comment on column neighbors."user" is 'id of the user';
comment on column neighbors.rank is 'rank among the neighbors of the user, from 1';
comment on column neighbors.neighbor is 'id of the similar user';
comment on column neighbors.similarity is 'cosine of the centered times of both over all tracks, or as build.options define it: the weight of the neighbor';
comment on column neighbors.common_tracks is 'number of tracks that both have heard';

comment on table weights is 'the users who count in the scores of each user by a walk, one row per pair, the user itself among them; or by a ridge, the 300 with the greatest weights in magnitude; empty without both (see walk and similarity in build.options), or where there would be too many: weights_of says so';
comment on column weights."user" is 'id of the user';
comment on column weights.neighbor is 'id of the user who counts';
comment on column weights.weight is 'what the times of the other user are multiplied by in the scores';

comment on table recommendations is 'the best tracks for each user, one row per user and track; a user who is not in the table users is not in the logs, and gets the popular tracks';
comment on column recommendations."user" is 'id of the user';
comment on column recommendations.rank is 'rank in the list, from 1';
comment on column recommendations.track is 'id of the recommended track';
comment on column recommendations.score is 'sum over all other users of similarity times centered time on the track, or as build.options define it; 0 where the ranking takes it for equal to 0';
comment on column recommendations.heard is 'whether the user has heard the track';
comment on column recommendations.source is 'where it comes from. neighbors: a score above 0 to which another user contributes; own: a score above 0 from the listening of the user alone; popularity: score 0, a popular track that fills the list; tail: a score below 0, neighbors speak against it';

{% if predict %}
comment on column recommendations.predicted_time is 'fraction of the track that the user is predicted to listen to (for ratings, of their range), 0 to 1: the expected time, plus {% if own_tracks %}0.8 times the sum of two estimates, {% endif %}sum(similarity * centered time) / (sum(|similarity|) + damping) over the neighbors who heard it{% if own_tracks %}, and the same over the tracks similar to it that the user heard{% endif %}';
comment on column recommendations.support is 'number of neighbors who heard the track: the predicted time is based on them';
{% endif %}
{% if own_tracks %}
comment on column recommendations.own_support is 'number of tracks similar to it that the user heard: the predicted time is also based on them';
{% endif %}

comment on macro table time_scale is 'the least and the greatest rating (see scale in build.options); null: times are fractions of a track';
comment on macro scaled_time is 'a time, 0 to 1, in the scale of the build: scaled_time(0.75)';
comment on macro scaled_difference is 'a difference between times, such as a centered time, in the scale of the build';
comment on macro table similarities_of is 'the neighbors of a user, given by id, and their similarities: from similarities_of(156)';
comment on macro table weights_of is 'the users who count in the scores of a user, given by id, and their weights: from weights_of(156)';

comment on table build is 'the build that made this database, one row';
comment on column build.version is 'version of ubcf';
comment on column build.started_at is 'when the build began, UTC';
comment on column build.seconds is 'duration of the build up to here';
comment on column build.options is 'options that determine the results';
comment on column build.lines is 'number of lines in all log files, without blank ones';
comment on column build.accepted is 'number of lines that became events';
comment on column build.rejected is 'number of lines that could not';
comment on column build.left_out is 'number of lines that were left out on request (see repeats, where and since in build.options)';
comment on column build.timestamp_unit is 'how the logs write timestamps: in seconds, milliseconds, microseconds or nanoseconds, or as ISO 8601 text; null: they have none, or a reading of the user''s own decided';
comment on column build.undated_events is 'number of events without a timestamp, or with one in another unit than most';
comment on column build.unread_timestamp is 'a timestamp of the logs that is not read, as they write it, cut to 100 characters; null: there is none, or a reading of the user''s own decided';
comment on column build.duplicate_lines is 'number of lines that are identical to an earlier one; they count, unless they were left out (see repeats in build.options). Null: not counted';
comment on column build.suspicious_repeats is 'whether chance does not explain these lines, as with a second copy of the logs, and they count all the same';
comment on column build.users is 'number of users in the logs';
comment on column build.tracks is 'number of tracks in the logs';
comment on column build.interactions is 'number of pairs of a user and a track heard';
comment on column build.density is 'share of nonzero centered times among all pairs of a user and a track';
comment on column build.mean_positive_neighbors is 'number of users with a similarity above 0, mean over the users; null: not counted';
comment on column build.mean_negative_neighbors is 'number of users with a similarity below 0, mean over the users; null: not counted';
comment on column build.plan is 'how the scores were computed: similarities (between users first), products (between tracks first) or tiles (products, for a part of the tracks at a time)';
comment on column build.plan_reason is 'why in this way';
comment on column build.plan_estimates is 'estimated seconds and bytes of memory of each way, and seconds of the similarities alone';
comment on column build.users_without_positive_score is 'number of users for whom no track has a score above 0';
comment on column build.tracks_without_catalog_entry is 'number of tracks in the logs that are not in the catalog';
comment on column build.recommendations_without_catalog_entry is 'number of recommendations of these tracks; null: there is no catalog';
comment on column build.recommendable_tracks is 'number of tracks in the logs that may be recommended';
comment on column build.unknown_given_tracks is 'number of ids in the files of tracks that may, or must not, be recommended that are not in the logs; null: there is no such file';
comment on column build.given_users is 'number of ids in the file of users (see users in build.options); null: there is no such file';
comment on column build.known_given_users is 'how many of them are users in the logs';
comment on column build.repeated_given_users is 'how many of them repeat an earlier one';
comment on column build.users_without_logs is 'how many users they add: users who are not in the logs, and get the popular tracks';
comment on column build.recommendations is 'number of rows of the table recommendations';
comment on column build.share_from_neighbors is 'share of all recommendations whose source is neighbors; the others mostly fill the lists. Null: there are no recommendations';
comment on column build.share_from_neighbors_to_10 is 'the same share among the ranks 1 to 10';

comment on table build_inputs is 'log files that were read, one row each';
comment on column build_inputs.file is 'name of the file';
comment on column build_inputs.format is 'its format; of CSV and TSV, also what separates and quotes cells';
comment on column build_inputs.bytes is 'size of the file in bytes';
comment on column build_inputs.lines is 'number of its lines, without blank ones';
comment on column build_inputs.accepted is 'number of lines that became events';
comment on column build_inputs.rejected is 'number of lines that could not';
comment on column build_inputs.left_out is 'number of lines that were left out on request (see repeats, where and since in build.options)';
comment on column build_inputs.copy_of is 'another file that has all lines of this one; null: none was found, or suspicious_repeats in build is false and none was looked for';

comment on table build_stages is 'stages of the build, one row each, in order';
comment on column build_stages.stage is 'name of the stage';
comment on column build_stages.seconds is 'its duration';
comment on column build_stages."rows" is 'number of rows that it made; null: none';
{% for column in catalog_columns %}
comment on column tracks."{{ column | replace('"', '""') }}" is 'further column of the catalog';
{% endfor %}

commit;
