"""`ubcf evaluate --compare`: all presets on one split, and sentences about which one to take."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from tests.support.commands import call_ubcf
from tests.support.paths import SAMPLE
from ubcf.errors import OptionError
from ubcf.evaluation.advice import FEW_USERS, UNSEEN, Rivals, advice
from ubcf.evaluation.bootstrap import RESAMPLES
from ubcf.evaluation.options import BASELINES, EvaluationOptions
from ubcf.scoring.options import PRESETS


def rivals(question: str, metric: str, **chosen: Any) -> Rivals:
    values = {
        "auc": 0.625,
        "cut": None,
        "setting": "one",
        "value": 0.5,
        "users": FEW_USERS,
        "series": 0,
        "other": "two",
    }
    values |= {"other_value": 0.25, "other_series": 1, "better_by": 0.25, "low": 0.125, "high": 0.5}
    return Rivals(question=question, metric=metric, **{**values, **chosen})


def said(*found: Rivals, **left_out: str) -> dict[str, str]:
    """The sentence of each topic."""
    return dict(advice(found, left_out))


def test_the_best_preset_is_named_with_its_lead() -> None:
    found = said(
        rivals("lists", "ndcg", cut=10, setting="listening"),
        rivals("predictions", "rmse", setting="ratings"),
    )
    assert found == {
        "lists": "For lists, listening: its ndcg@10 is 0.5, its auc 0.625. "
        "The next best, two, has 0.25 (0.125 to 0.5) less.",
        "predictions": "For predicted times, ratings: its rmse is 0.5. "
        "The next best, two, has 0.25 (0.125 to 0.5) more.",
        "unseen": UNSEEN,
    }


def test_a_lead_that_chance_may_explain_is_said_to_be_one() -> None:
    found = said(rivals("lists", "ndcg", cut=10, low=-0.125))
    assert found["lists"].endswith("has 0.25 (-0.125 to 0.5) less, which chance may explain.")


def test_a_single_preset_is_named_without_a_lead_and_a_missing_one_with_the_reason() -> None:
    alone = rivals("lists", "ndcg", cut=10, other=None, other_value=None, other_series=None)
    without = dataclasses.replace(alone, auc=None)
    assert said(without)["lists"] == "For lists, one: its ndcg@10 is 0.5."
    found = said(alone, taste="memory_limit is 256 MiB")
    assert found["lists"] == "For lists, one: its ndcg@10 is 0.5, its auc 0.625."
    assert found["left out"] == "taste is left out: memory_limit is 256 MiB."


def test_a_baseline_that_is_not_clearly_worse_is_named() -> None:
    best = rivals("lists", "ndcg", cut=10)
    beaten = rivals("lists_baseline", "ndcg", cut=10, other="popular")
    assert said(best, beaten) == said(best)
    close = rivals("lists_baseline", "ndcg", cut=10, other="popular", low=-0.001)
    assert said(best, close)["lists"].endswith(
        "But it is not clearly better than the baseline popular, which has 0.25."
    )
    better = rivals("lists_baseline", "ndcg", cut=10, other="popular", low=-0.2, high=-0.1)
    assert said(best, better)["lists"].endswith(
        "But it is worse than the baseline popular, which has 0.25."
    )


def test_presets_with_the_same_figures_are_said_to_have_them() -> None:
    same = {"better_by": -0.0, "low": -1e-17, "high": 0.0}
    assert said(rivals("predictions", "rmse", **same))["predictions"] == (
        "For predicted times, one: its rmse is 0.5. The next best, two, has the same."
    )


def test_no_preset_is_named_if_no_list_has_a_relevant_track() -> None:
    nothing = {"cut": 10, "value": 0.0, "other_value": 0.0, "better_by": 0.0, "low": 0.0}
    nothing["high"] = 0.0
    best = rivals("lists", "ndcg", **nothing)
    level = rivals("lists_baseline", "ndcg", **nothing)
    sentence = "For lists, no preset: the ndcg@10 of all is 0."
    assert said(best, level, rivals("played", "auc")) == {"lists": sentence, "unseen": UNSEEN}
    beaten = rivals(
        "lists_baseline", "ndcg", cut=10, value=0.0, other="popular", low=-0.3, high=-0.1
    )
    assert said(best, beaten)["lists"] == sentence + " The baseline popular has 0.25."


def test_it_is_said_if_few_users_are_measured() -> None:
    assert "users" not in said(rivals("lists", "ndcg", cut=10))
    found = said(rivals("lists", "ndcg", cut=10, users=1))
    assert found["users"] == "The lists are measured on 1 user only, too few to rely on."
    found = said(rivals("lists", "ndcg", cut=10, users=19))
    assert found["users"].startswith("The lists are measured on 19 users only")


def test_it_is_said_where_ndcg_and_auc_disagree() -> None:
    best = rivals("lists", "ndcg", cut=10, setting="two", other="one")
    assert "exposure" not in said(best, rivals("played", "auc", low=-0.001))
    sentence = said(best, rivals("played", "auc"))["exposure"]
    assert sentence.startswith(
        "ndcg and auc disagree: among the tracks that users played, one tells those that they "
        "liked better than two does (auc 0.5 against 0.25)."
    )


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The parts of `ubcf evaluate --compare` on the sample."""
    folder = tmp_path_factory.mktemp("compared")
    done = call_ubcf("evaluate", SAMPLE, "--compare", "--at", "10", "--format", "json", cwd=folder)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return {**found, "database": folder / "evaluation.duckdb"}


def test_a_comparison_has_all_presets_and_baselines(compared: dict[str, Any]) -> None:
    measured = [row["setting"] for row in compared["metrics"] if row["metric"] == "ndcg"]
    assert measured == [*PRESETS, *BASELINES]
    assert list(compared)[2] == "advice"


def test_the_advice_follows_from_the_table_of_metrics(compared: dict[str, Any]) -> None:
    """Best and second best, and the interval of their difference, computed here."""
    sentences = {row["topic"]: row["sentence"] for row in compared["advice"]}
    for topic, metric, sign in (("lists", "ndcg", 1), ("predictions", "rmse", -1)):
        values = {
            row["setting"]: sign * row["value"]
            for row in compared["metrics"]
            if row["metric"] == metric and row["setting"] in PRESETS
        }
        best, following = sorted(values, key=values.__getitem__, reverse=True)[:2]
        lead = values[best] - values[following]
        assert f", {best}: its {metric}" in sentences[topic]
        assert f"is {abs(values[best]):.4g}" in sentences[topic]
        assert f". The next best, {following}, has {lead:.3g} (" in sentences[topic]
        auc = next(
            row["value"]
            for row in compared["metrics"]
            if (row["setting"], row["metric"]) == (best, "auc")
        )
        assert (f", its auc {auc:.4g}." in sentences[topic]) == (topic == "lists")
    with duckdb.connect(str(compared["database"]), read_only=True) as connection:
        stored = connection.execute("select topic, sentence from advice").fetchall()
        values_by_user = connection.execute(
            """select setting, "user", value from metrics_by_user where metric = 'ndcg'"""
        ).fetchall()
    assert dict(stored) == sentences
    of_user = {(setting, user): value for setting, user, value in values_by_user}
    # The interval, by other resamples of the users: it is as wide, and lies in the same place.
    found = re.match(
        r"For lists, (.*): its .* The next best, (.*), has .* \((.*) to (.*)\) less",
        sentences["lists"],
    )
    assert found is not None
    best, following = found[1], found[2]
    leads = np.array(
        [
            value - of_user[following, user]
            for (setting, user), value in of_user.items()
            if setting == best
        ]
    )
    random = np.random.default_rng(1)
    means = leads[random.integers(0, len(leads), (RESAMPLES, len(leads)))].mean(axis=1)
    spread = np.std(means)
    assert [float(found[3]), float(found[4])] == pytest.approx(
        np.percentile(means, [2.5, 97.5]), abs=0.3 * spread
    )


def test_advice_is_wrapped_and_not_cut_to_fit_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    plays = [f"{user},{track},{(user + track) % 2}" for user in range(2) for track in range(10)]
    (tmp_path / "logs.csv").write_text("user,track,time\n" + "\n".join(plays) + "\n")
    done = call_ubcf("evaluate", "logs.csv", "--compare", "--split", "random", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.split("\nadvice\n")[1].splitlines()
    assert max(map(len, lines)) <= 60
    text = " ".join(line[13:] for line in lines)
    assert text.endswith(f"The lists are measured on 1 user only, too few to rely on. {UNSEEN}")
    assert [line[:13].rstrip() for line in lines if line[0] != " "] == [
        "lists", "predictions", "users", "unseen"
    ]  # fmt: skip


def test_options_that_contradict_a_comparison_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="compare evaluates all presets; tune is for one"):
        EvaluationOptions(compare=True, tune="neighbors=5,10")
    with pytest.raises(OptionError, match="each may be given only once"):
        EvaluationOptions(compare=True, settings=["listening"])
    done = call_ubcf("evaluate", SAMPLE, "--compare", "--preset", "ratings", cwd=tmp_path)
    assert done.returncode == 2
    assert "--compare evaluates all presets" in done.stderr


def test_a_preset_that_needs_more_memory_is_left_out(tmp_path: Path) -> None:
    """A ridge over 3,200 users holds 43 MB; 256 MiB leave the matrices 32 MiB beside a block."""
    users, tracks = 3200, 1500
    lines = [
        f"{user},{user * step % tracks},{(user + step) % 5 / 4}\n"
        for user in range(users)
        for step in (1, 3, 7, 11)
    ]
    (tmp_path / "logs.csv").write_text("user,track,time\n" + "".join(lines))
    done = call_ubcf(
        "evaluate", "logs.csv", "--compare", "--split", "random", "--test-share", "0.25", "--at",
        "5", "--memory-limit", "256MiB", "--format", "json", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    measured = {row["setting"] for row in found["metrics"]}
    assert measured == {*PRESETS, *BASELINES} - {"taste"}
    assert re.fullmatch(
        r"taste is left out: memory_limit is 256 MiB; the scores of 3,200 users x 1,500 tracks "
        r"by a ridge need at least \d+MiB\.",
        found["advice"][0]["sentence"],
    )
    refused = call_ubcf(
        "build", "logs.csv", "--preset", "taste", "--memory-limit", "256MiB", cwd=tmp_path
    )
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "by a ridge need at least" in refused.stderr
    assert not (tmp_path / "ubcf.duckdb").exists()
