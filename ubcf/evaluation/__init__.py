"""Offline evaluation: hide a part of the logs, build on the rest, measure on the hidden part.

    options     what can be chosen, and the names of metrics and baselines
    settings    settings of the model as text, and grids of them
    pipeline    from logs to the tables of an evaluation
    bootstrap   confidence intervals over users

Each metric is a query of sql/evaluation/metrics/, each way to split the logs one of
sql/evaluation/splits/.
"""
