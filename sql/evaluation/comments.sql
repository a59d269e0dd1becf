-- comments: the comments of all tables and columns of an evaluation, so that the database explains itself.
begin;

comment on table evaluation is 'the evaluation that made this database, one row';
comment on column evaluation.version is 'version of ubcf';
comment on column evaluation.options is 'options that determine the results';
comment on column evaluation.undated_events is 'number of events without a timestamp; where the split goes by time, all of them are in the training part';
comment on column evaluation.training_events is 'number of events in the training part, which the models know';
comment on column evaluation.test_events is 'number of events in the test part, by which the models are measured';
comment on column evaluation.training_until is 'time of the latest event in the training part, UTC';
comment on column evaluation.test_from is 'time of the earliest event in the test part, UTC';
comment on column evaluation.training_users is 'number of users in the training part';
comment on column evaluation.training_tracks is 'number of tracks in the training part';
comment on column evaluation.test_users is 'number of users in the test part';
comment on column evaluation.known_users is 'number of those who are also in the training part and have a track to be measured by';
comment on column evaluation.counted_users is 'number of those with a relevant track: lists are measured over these users';
comment on column evaluation.users_not_counted is 'number of users in the test part whose lists are not measured';
comment on column evaluation.test_pairs is 'number of pairs of a known user and a track played in the test part (without tracks heard in the training part, if these are not recommended)';
comment on column evaluation.relevant_pairs is 'number of those whose mean time is above the mean time of the user in the training part';
comment on column evaluation.pairs_of_new_tracks is 'number of those whose track is not in the training part';

comment on table settings is 'the evaluated settings, one row each; differences are from the first one';
comment on column settings.number is 'number of the setting, from 1';
comment on column settings.setting is 'its name: the preset and the options, or the name of a baseline';
comment on column settings.kind is 'model, tuned (the best of the table tuning) or baseline';
comment on column settings.options is 'all options of the model; null for a baseline';

comment on table split_events is 'all events, one row each, by user and time';
comment on column split_events.file is 'log file of the line';
comment on column split_events.message is 'next: a track was played and another one asked for; last: the play ended the session';
comment on column split_events.timestamp is 'when the service logged the line, UTC';
comment on column split_events."user" is 'id of the user who listened';
comment on column split_events.track is 'id of the track listened to';
comment on column split_events.time is 'fraction of the track listened to, 0 to 1; for ratings, of their range (see scale in evaluation.options)';
comment on column split_events.latency is 'time that the service took to answer, in seconds';
comment on column split_events.recommendation is 'track that the service recommended next; null if the play ended the session';
comment on column split_events.experiments is 'A/B experiments of the user at that moment: name to treatment';
comment on column split_events.part is 'training: the models know the event; test: they are measured by it';

comment on table metrics is 'metrics over all users, one row per metric, cut and setting';
comment on column metrics.setting is 'name of the setting';
comment on column metrics.metric is 'ndcg, recall, precision, mrr, hit_rate, auc: greater is better; rmse, mae: smaller is better; coverage, popularity: neither';
comment on column metrics.cut is 'number of ranks, from the first, that are measured; null: the metric is not about lists';
comment on column metrics.value is 'weighted mean of the values of the users (rmse: root of the weighted mean square); rmse and mae are in the scale in evaluation.options';
comment on column metrics.low is 'lower end of the 95 % interval, by bootstrap over users; null: coverage is not a mean over users';
comment on column metrics.high is 'upper end of the interval';
comment on column metrics.users is 'number of users with a value';
comment on column metrics.difference is 'value minus that of the first setting; null for the first setting itself';
comment on column metrics.difference_low is 'lower end of the 95 % interval of the difference, over the same users';
comment on column metrics.difference_high is 'upper end of that interval';
comment on column metrics.significant is 'whether that interval excludes 0; null: no interval';

comment on table metrics_by_user is 'metrics of each user, one row per metric, cut, setting and user';
comment on column metrics_by_user.setting is 'name of the setting';
comment on column metrics_by_user.metric is 'as in metrics';
comment on column metrics_by_user.cut is 'number of ranks, from the first, that are measured; null: the metric is not about lists';
comment on column metrics_by_user."user" is 'id of the user';
comment on column metrics_by_user.value is 'value of the metric for this user';
comment on column metrics_by_user.weight is 'weight in the value over all users: 1, or the number of tracks of the user (rmse, mae)';
{% if tuning %}

comment on table tuning is 'the settings tried on the validation split, a split of the training part alone, one row each';
comment on column tuning.trial is 'number of the trial, from 1, in their order';
comment on column tuning.setting is 'name of the setting';
comment on column tuning.metric is 'metric that decides';
comment on column tuning.cut is 'number of ranks, from the first, that are measured; null: the metric is not about lists';
comment on column tuning.value is 'value over all users of the validation split';
comment on column tuning.low is 'lower end of its 95 % interval, by bootstrap over users';
comment on column tuning.high is 'upper end of the interval';
comment on column tuning.users is 'number of users with a value';
comment on column tuning.best_so_far is 'whether it is better than all earlier trials';
comment on column tuning.chosen is 'whether it is the best of all, the earliest among equals: this one was evaluated';
{% endif %}
{% if advice %}

comment on table advice is 'what a comparison of all presets says, one sentence a row';
comment on column advice.topic is 'left out: a preset that was not measured; lists and predictions: which preset is best; exposure: where ndcg and auc disagree; users: that they are few; unseen: what the logs cannot tell';
comment on column advice.sentence is 'the sentence; differences have their 95 % interval';
{% endif %}

commit;
