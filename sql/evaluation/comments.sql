-- The comments of all tables and columns of an evaluation, so that the database explains itself.
begin;

comment on table evaluation is 'the evaluation that made this database, one row';
comment on column evaluation.version is 'version of ubcf';
comment on column evaluation.options is 'options that shape the results';
comment on column evaluation.training_events is 'events that the models know';
comment on column evaluation.test_events is 'events that they are measured by';
comment on column evaluation.training_until is 'the latest moment of the training part, UTC';
comment on column evaluation.test_from is 'the earliest moment of the test part, UTC';
comment on column evaluation.training_users is 'users of the training part';
comment on column evaluation.training_tracks is 'tracks of the training part';
comment on column evaluation.test_users is 'users of the test part';
comment on column evaluation.known_users is 'those of them who are in the training part too, and have a track to be measured by';
comment on column evaluation.counted_users is 'those of them with a relevant track: lists are measured by these';
comment on column evaluation.users_not_counted is 'users of the test part whose lists are not measured';
comment on column evaluation.test_pairs is 'tracks that known users played in the test part (without those heard in the training part, when these are not recommended)';
comment on column evaluation.relevant_pairs is 'those with a mean time above the mean time of the user in the training part';
comment on column evaluation.pairs_of_new_tracks is 'those of tracks that the training part does not know';

comment on table settings is 'what was evaluated, one row each; differences are to the first';
comment on column settings.number is 'place, from 1';
comment on column settings.setting is 'what it goes by: the preset and the options, or the name of a baseline';
comment on column settings.kind is 'model, tuned (the best of the table tuning) or baseline';
comment on column settings.options is 'all options of the model; null for a baseline';

comment on table split_events is 'all events, one row each, by user and time';
comment on column split_events.file is 'log file that the line is in';
comment on column split_events.message is 'next: a track was played and another asked for; last: it ended the session';
comment on column split_events.timestamp is 'when the service logged the line, UTC';
comment on column split_events."user" is 'who listened';
comment on column split_events.track is 'to what';
comment on column split_events.time is 'fraction of the track listened to, 0 to 1';
comment on column split_events.latency is 'time the service took to answer, in seconds';
comment on column split_events.recommendation is 'track that the service offered next; null when it ended the session';
comment on column split_events.experiments is 'A/B experiments of the user at that moment: name to treatment';
comment on column split_events.part is 'training: the models know it; test: they are measured by it';

comment on table metrics is 'the figures, one row per metric, cut and setting';
comment on column metrics.setting is 'what was evaluated';
comment on column metrics.metric is 'ndcg, recall, precision, mrr, hit_rate, auc: greater is better; rmse, mae: smaller is; coverage, popularity: neither';
comment on column metrics.cut is 'how many first places of a list count; null: not about lists';
comment on column metrics.value is 'the figure over all users: the mean of those of the users, each by its weight (rmse: root of the mean square)';
comment on column metrics.low is 'lower end of the 95 % interval: bootstrap over users; null: coverage is no mean';
comment on column metrics.high is 'upper end of it';
comment on column metrics.users is 'users who have such a figure';
comment on column metrics.difference is 'value less that of the first setting; null for that itself';
comment on column metrics.difference_low is 'lower end of the 95 % interval of the difference, of the same users';
comment on column metrics.difference_high is 'upper end of it';
comment on column metrics.significant is 'whether that interval excludes 0; null: there is none';

comment on table metrics_by_user is 'the figures of each user, one row per metric, cut, setting and user';
comment on column metrics_by_user.setting is 'what was evaluated';
comment on column metrics_by_user.metric is 'as in metrics';
comment on column metrics_by_user.cut is 'how many first places of the list count; null: not about lists';
comment on column metrics_by_user."user" is 'id of the user';
comment on column metrics_by_user.value is 'the figure of this user';
comment on column metrics_by_user.weight is 'how much it counts: 1, or the tracks of the user (rmse, mae)';
{% if tuning %}

comment on table tuning is 'the settings tried on the validation split, a split of the training part alone, one row each';
comment on column tuning.trial is 'place in the order of the trials, from 1';
comment on column tuning.setting is 'what was tried';
comment on column tuning.metric is 'what it was judged by';
comment on column tuning.cut is 'how many first places of a list count; null: not about lists';
comment on column tuning.value is 'the figure over all users of the validation split';
comment on column tuning.low is 'lower end of its 95 % interval: bootstrap over users';
comment on column tuning.high is 'upper end of it';
comment on column tuning.users is 'users who have such a figure';
comment on column tuning.best_so_far is 'whether it is better than all tried before';
comment on column tuning.chosen is 'whether it is the best of all, the earliest among equals: this one was evaluated';
{% endif %}

commit;
