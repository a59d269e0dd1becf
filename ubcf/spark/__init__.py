"""The same build on Apache Spark: the stages of `ubcf.building`, cut into shards.

README.md says when one machine is enough, what a cluster needs, and what it costs.

    pipeline    the build: the order of the stages, and what is published
    session     starting Spark, and why it cannot be started, in words
    cluster     jobs: their progress, and the errors of their tasks
    results     the folder of a build, and what of older ones is removed
    storage     where it is, and how DuckDB and Spark read and write there
    database    the driver's database: views of Parquet; files of model/ and checks/ run by Spark
    reading     logs to events: what is decided over all files, on the driver
    scoring     ranges of users: the jobs of the scores, on the driver
    shared      what tasks are given
    log_tasks, score_tasks   what executors do

The driver imports pyspark to start it; tasks are plain functions.
"""
