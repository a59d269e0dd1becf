-- The comments of all tables and columns, so that the database explains itself.
-- In one transaction, since each statement would else be written to disk by itself.
begin;

comment on table events is 'accepted log lines, one row each, in the order of the files and of their lines';
comment on column events.file is 'log file that the line is in';
comment on column events.message is 'next: a track was played and another asked for; last: it ended the session';
comment on column events.timestamp is 'when the service logged the line, UTC';
comment on column events."user" is 'who listened';
comment on column events.track is 'to what';
comment on column events.time is 'fraction of the track listened to, 0 to 1';
comment on column events.latency is 'time the service took to answer, in seconds';
comment on column events.recommendation is 'track that the service offered next; null when it ended the session';
comment on column events.experiments is 'A/B experiments of the user at that moment: name to treatment';

comment on table rejected_lines is 'log lines that are not events, one row each';
comment on column rejected_lines.file is 'log file that the line is in';
comment on column rejected_lines.line_number is 'number of the line in its file, from 1';
comment on column rejected_lines.reason is 'why it is not an event';
comment on column rejected_lines.line is 'the text of the line; what is not UTF-8 shows as ?, and of a very long line only the head is kept';

comment on table tracks is 'tracks of the logs and of the catalog, one row each, the most popular first';
comment on column tracks.track is 'id of the track';
comment on column tracks.artist is 'artist, from the catalog';
comment on column tracks.title is 'title, from the catalog';
comment on column tracks.genre is 'genre as text, from the catalog; a list reads like [1, 2]';
comment on column tracks.pop is 'popularity that the catalog states';
comment on column tracks.plays is 'events of the track';
comment on column tracks.listeners is 'users who played it';
comment on column tracks.total_time is 'listening time over all users, in tracks: the sum of time over its events';
comment on column tracks.popularity_rank is 'place by total_time, then by id, from 1; null: not in the logs';
comment on column tracks.bias is 'how much longer than others it is listened to, of all users alike; null: no baseline (centering)';
comment on column tracks.in_catalog is 'whether the catalog lists it';

comment on table users is 'users in the logs, one row each';
comment on column users."user" is 'id of the user';
comment on column users.events is 'events of the user';
comment on column users.tracks is 'different tracks heard';
comment on column users.mean_time is 'mean of time over all events of the user';
comment on column users.bias is 'how much longer than others the user listens, to all tracks alike; null: no baseline (centering)';
comment on column users.norm is 'length of the vector of centered times (and offset); 0: nothing to compare by';
comment on column users.positive_neighbors is 'users with a similarity above 0; null: not counted';
comment on column users.negative_neighbors is 'users with a similarity below 0; null: not counted';
comment on column users.positive_scores is 'tracks with a score above 0; null: as many as there are recommendations, or more';

comment on table interactions is 'what a user made of a track, one row per user and track heard';
comment on column interactions."user" is 'id of the user';
comment on column interactions.track is 'id of the track';
comment on column interactions.plays is 'events of the user on the track';
comment on column interactions.mean_time is 'mean of time over these events';
comment on column interactions.centered_time is 'mean_time less the mean time of the user over all events, or less the center that build.options tells (centering); under 1e-9 it is 0';
comment on column interactions.counted_time is 'what it counts in similarities and scores: centered_time plus the offset of build.options (by default 0)';

comment on table neighbors is 'the most similar users (similarity above 0) of each user, one row per pair, at most 50 a user';
comment on column neighbors."user" is 'id of the user';
comment on column neighbors.rank is 'place among the neighbors of the user, from 1';
comment on column neighbors.neighbor is 'id of the similar user';
comment on column neighbors.similarity is 'cosine of the centered times of the two, over all tracks, or what build.options make of it: how much the neighbor counts';
comment on column neighbors.common_tracks is 'tracks that both have heard';

comment on table recommendations is 'the best tracks for each user, one row per user and track';
comment on column recommendations."user" is 'id of the user';
comment on column recommendations.rank is 'place in the list, from 1';
comment on column recommendations.track is 'id of the recommended track';
comment on column recommendations.score is 'sum over all other users of similarity times centered time on the track';
comment on column recommendations.heard is 'whether the user has heard the track';

{% if predict %}
comment on column recommendations.predicted_time is 'the fraction of the track that the user is expected to listen to, 0 to 1: what is expected without neighbors, plus sum(similarity * centered time) / (sum(|similarity|) + damping) over those who heard it';
comment on column recommendations.support is 'neighbors who heard the track: those the predicted time is from';
{% endif %}

comment on macro table weights_of is 'the users that count for a user, by id, and how much: from weights_of(156)';

comment on table build is 'the build that made this database, one row';
comment on column build.version is 'version of ubcf';
comment on column build.started_at is 'when the build began, UTC';
comment on column build.seconds is 'how long it took up to here';
comment on column build.options is 'options that shape the results';
comment on column build.lines is 'lines of all log files, blank ones aside';
comment on column build.accepted is 'lines that became events';
comment on column build.rejected is 'lines that did not';
comment on column build.duplicate_lines is 'lines that repeat another one to the letter; they count. Null: not counted';
comment on column build.users is 'users in the logs';
comment on column build.tracks is 'tracks in the logs';
comment on column build.interactions is 'pairs of a user and a track heard';
comment on column build.density is 'share of centered times other than 0 among all pairs of a user and a track';
comment on column build.mean_positive_neighbors is 'users with a similarity above 0, mean over the users; null: not counted';
comment on column build.mean_negative_neighbors is 'users with a similarity below 0, mean over the users; null: not counted';
comment on column build.plan is 'the way in which the scores were computed: left (similarities between users first), right (products between tracks first) or tiles (the same, a part of the tracks at a time)';
comment on column build.plan_reason is 'why that way';
comment on column build.plan_estimates is 'seconds and bytes of memory that each way was estimated to take, and the seconds of the similarities alone';
comment on column build.users_without_positive_score is 'users for whom no track has a score above 0';
comment on column build.tracks_without_catalog_entry is 'tracks of the logs that the catalog does not list';
comment on column build.recommendations is 'rows of the table recommendations';

comment on table build_inputs is 'log files that were read, one row each';
comment on column build_inputs.file is 'name of the file';
comment on column build_inputs.bytes is 'size of the file';
comment on column build_inputs.lines is 'its lines, blank ones aside';
comment on column build_inputs.accepted is 'lines that became events';
comment on column build_inputs.rejected is 'lines that did not';

comment on table build_stages is 'stages of the build, one row each, in order';
comment on column build_stages.stage is 'what was done';
comment on column build_stages.seconds is 'how long it took';
comment on column build_stages."rows" is 'rows that it left; null: it leaves none';
{% for column in catalog_columns %}
comment on column tracks."{{ column | replace('"', '""') }}" is 'further column of the catalog';
{% endfor %}

commit;
