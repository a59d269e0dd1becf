"""Every command answers the same for logs with other fields and text ids as for the service's own.

The same plays are written twice: as the service writes them, and as nested JSON in which nothing
has the service's name, a time is seconds of a duration, a moment is a text, and ids are texts. The
texts sort as the numbers do, so that the answers are equal but for the ids.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import Argument, Done, call_ubcf
from tests.support.logs import log_line, write_log
from tests.support.overlays import overlay
from ubcf.database.templates import sql_folder

FIELDS = {
    "user": "listener.account",
    "track": "song.key",
    "time": "least(song.heard_s / song.length_s, 1)",
    "timestamp": "at",
    "message": "kind",
    "latency": "server.took_s",
    "recommendation": "server.answer",
    "experiments": "server.arms",
}

OPTIONS = [part for name, path in FIELDS.items() for part in ("--field", f"{name}={path}")]
OPTIONS += ["--where", "kind <> 'ad'"]
BUILD_OPTIONS = [*OPTIONS, "--catalog-field", "track=key", "--catalog-field", "title=called"]

Play = dict[str, Any]


def plays() -> Iterator[Play]:
    """300 plays of 12 users on 15 tracks, of two years and an experiment, with sessions."""
    drawn = random.Random(7)
    moment = datetime(2024, 2, 1, 12, tzinfo=UTC)
    for number in range(300):
        user, track = drawn.randrange(12), drawn.randrange(15)
        moment += timedelta(seconds=drawn.randrange(1, 900))
        is_last = drawn.random() < 0.3
        yield {
            "user": user,
            "track": track,
            # some tracks are heard for longer than they last
            "heard": drawn.randrange(111),
            "moment": moment,
            "message": "last" if is_last else "next",
            "latency": 0.001 * (1 + number % 7),
            "recommendation": None if is_last else drawn.randrange(15),
            "experiments": {"RANKING": "T1" if user % 2 else "C"},
        }


def of_the_service(play: Play) -> str:
    milliseconds = round(play["moment"].timestamp() * 1000)
    kept = {name: play[name] for name in ("message", "latency", "recommendation", "experiments")}
    time = min(play["heard"] / 100, 1.0)
    return log_line(play["user"], play["track"], time, timestamp=milliseconds, **kept)


def user_text(user: int) -> str:
    return f"u{user:02}"


def track_text(track: int | None) -> str | None:
    return None if track is None else f"t-{track:02}"


def of_another(play: Play) -> str:
    event = {
        "kind": play["message"],
        "at": play["moment"].isoformat(),
        "listener": {"account": user_text(play["user"])},
        "song": {"key": track_text(play["track"]), "heard_s": play["heard"], "length_s": 100},
        "server": {
            "took_s": play["latency"],
            "answer": track_text(play["recommendation"]),
            "arms": play["experiments"],
        },
    }
    return json.dumps(event)


def with_numbers(value: Any) -> Any:
    """An answer whose text ids are the numbers again."""
    if isinstance(value, list):
        return [with_numbers(each) for each in value]
    if isinstance(value, dict):
        return {name: with_numbers(each) for name, each in value.items()}
    if isinstance(value, str) and re.fullmatch(r"u\d\d|t-\d\d", value):
        return int(value[-2:])
    return value


class Service:
    """A folder with logs, and what is asked of the build there."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.options = options

    def ask(self, *arguments: Argument, input: str = "") -> Done:
        done = call_ubcf(*arguments, cwd=self.folder, input=input)
        assert done.returncode == 0, done.stderr
        return done

    def answer(self, *arguments: Argument, input: str = "") -> Any:
        """The answer in JSON, with numbers for ids."""
        done = self.ask(*arguments, "--format", "json", input=input)
        return with_numbers(json.loads(done.stdout))


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Service:
    """The service's own logs, built."""
    service = Service(tmp_path_factory.mktemp("ours"))
    write_log(service.folder / "logs" / "data.json", map(of_the_service, plays()))
    titles = (json.dumps({"track": track, "title": f"Song {track}"}) for track in range(15))
    write_log(service.folder / "logs" / "tracks.json", titles)
    service.ask("build", "logs", "-n", 10, "--predict")
    return service


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Service:
    """The same plays as another service logs them, with 30 advertisements among them; built."""
    service = Service(tmp_path_factory.mktemp("theirs"), *OPTIONS)
    lines = list(map(of_another, plays()))
    for place in range(0, 330, 11):
        lines.insert(place, '{"kind": "ad", "listener": {"account": "u01"}}')
    write_log(service.folder / "logs" / "data.json", lines)
    titles = (json.dumps({"key": track_text(each), "called": f"Song {each}"}) for each in range(15))
    write_log(service.folder / "logs" / "tracks.json", titles)
    done = service.ask("build", "logs", "-n", 10, "--predict", *BUILD_OPTIONS)
    assert "accepted    300 lines" in done.stdout
    assert "texts for users, texts for tracks" in done.stdout
    return service


def test_the_lists_are_the_same(ours: Service, theirs: Service) -> None:
    numbers, texts = (
        (each.folder / "recommendations_ub.json").read_text().splitlines()
        for each in (ours, theirs)
    )
    assert list(map(json.loads, numbers)) == [with_numbers(json.loads(line)) for line in texts]
    assert len(numbers) == 12


def test_inspections_are_the_same(ours: Service, theirs: Service) -> None:
    user = ours.answer("inspect", "user", 3)
    assert user == theirs.answer("inspect", "user", user_text(3))
    assert len(user["events"]) > 5
    track = theirs.answer("inspect", "track", "t-07")
    # Fields of the catalog that ubcf does not know are columns too, such as those that were named.
    assert (track["track"].pop("key"), track["track"].pop("called")) == (7, "Song 7")
    assert ours.answer("inspect", "track", 7) == track


def test_an_explanation_is_the_same(ours: Service, theirs: Service) -> None:
    rows = ours.answer("explain", 3, 7)
    assert rows == theirs.answer("explain", "u03", "t-07")
    assert len(rows) > 3


def test_an_unknown_id_is_one_line_with_the_nearest_ids(theirs: Service) -> None:
    done = call_ubcf("explain", "u33", "t-07", cwd=theirs.folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "ubcf: error: no user 'u33' in this database; nearest: u03, u00, u01\n"


@pytest.mark.parametrize("explain", [[], ["--explain"]], ids=["", "explained"])
def test_recommendations_to_somebody_new_are_the_same(
    ours: Service, theirs: Service, explain: list[str]
) -> None:
    of_numbers = ours.answer("recommend", "--history", "-", *explain, input='{"3": 1, "9": 0.1}')
    of_texts = theirs.answer(
        "recommend", "--history", "-", *explain, input='{"t-03": 1, "t-09": 0.1}'
    )
    assert of_numbers == of_texts
    assert len(of_numbers["recommendations"]) == 10


def test_predictions_are_the_same(ours: Service, theirs: Service) -> None:
    def predicted(service: Service, pairs: list[tuple[Any, Any]]) -> list[Any]:
        lines = "".join(f"{json.dumps({'user': user, 'track': track})}\n" for user, track in pairs)
        done = service.ask("predict", "-", "--format", "jsonl", input=lines)
        return [with_numbers(json.loads(line)) for line in done.stdout.splitlines()]

    pairs = [(user, (5 * user) % 15) for user in range(12)]
    numbers = predicted(ours, pairs)
    assert numbers == predicted(
        theirs, [(user_text(user), track_text(each)) for user, each in pairs]
    )
    assert sum(row["support"] for row in numbers) > 12


# Of random_users, the id's text is what chance depends on.
ANALYSES: list[tuple[str, dict[str, Any]]] = [
    ("user_profile", {"user": 4}), ("similar_users", {"user": 4}), ("sessions", {}),
    ("explained_recommendations", {"user": 4}), ("top_tracks", {}), ("experiments", {}),
    ("track_audience", {"track": 2}), ("listening_time", {}), ("listening_by_hour", {}),
    ("log_period", {}), ("popularity_bias", {}), ("most_recommended_tracks", {}),
    ("events_per_user", {}), ("example_users", {}), ("experiment_users", {"experiment": "RANKING"}),
    ("user_recommendations", {"user": 4}), ("score_by_rank", {}), ("coverage", {}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "variables"), ANALYSES, ids=[name for name, _ in ANALYSES])
def test_analyses_are_the_same(
    ours: Service, theirs: Service, name: str, variables: dict[str, Any]
) -> None:
    texts = {"user": user_text, "track": track_text}
    of_numbers = [f"-p{each}={value}" for each, value in variables.items()]
    of_texts = [
        f"-p{each}={texts[each](value) if each in texts else value}"
        for each, value in variables.items()
    ]
    rows = ours.answer("query", name, *of_numbers)
    assert rows == theirs.answer("query", name, *of_texts)
    assert rows


def test_experiments_are_the_same(ours: Service, theirs: Service) -> None:
    found = ours.answer("experiment", "RANKING")
    assert found == theirs.answer("experiment", "RANKING")
    assert "T1" in json.dumps(found)


def test_differences_between_builds_are_shown(theirs: Service) -> None:
    other = ("--preset", "listening", "-d", "new.duckdb", "-o", "new.json")
    theirs.ask("build", "logs", "-n", 10, *BUILD_OPTIONS, *other)
    done = theirs.ask("diff", "ubcf.duckdb", "new.duckdb", "--format", "json")
    found = json.loads(done.stdout)
    assert found["lists"]["users"] == 12
    assert found["changed_users"]
    assert {row["user"] for row in found["changed_users"]} <= set(map(user_text, range(12)))
    differing = {row["option"] for row in found["options"]}
    assert "offset" in differing
    assert "fields" not in differing


def test_a_report_is_written_of_text_ids(theirs: Service) -> None:
    theirs.ask("report", "--user", "u05", "-o", "report.html")
    page = (theirs.folder / "report.html").read_text()
    for shown in ("User u05", "Song 7", "RANKING", "user = listener.account", "ids: user = text"):
        assert shown in page


def test_an_evaluation_is_the_same(ours: Service, theirs: Service) -> None:
    """Only the baseline `random` draws by the text of the ids."""
    asked = ("evaluate", "logs", "--preset", "ratings", "--preset", "listening", "--at", 5, "-q")
    tune = ("--tune", "neighbors=2,5", "--tune-for", "rmse")
    found = [each.answer(*asked, *tune, *each.options) for each in (ours, theirs)]
    for part in ("tuning", "metrics"):
        numbers, texts = (
            [row for row in each[part] if row["setting"] != "random"] for each in found
        )
        assert numbers == texts
        assert numbers


def test_checks_of_an_overlay_see_the_events_of_the_options(
    theirs: Service, tmp_path: Path
) -> None:
    overlay(
        tmp_path,
        "checks/nobody_is_seven.sql",
        "-- nobody_is_seven: one row per user u07.\nfrom users where \"user\" = 'u07';\n",
    )
    targets = ("-d", "checked.duckdb", "-o", "checked.json")
    done = call_ubcf(
        "build", "logs", *BUILD_OPTIONS, "--templates", tmp_path, *targets, cwd=theirs.folder
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(
        f"ubcf: error: {tmp_path}/checks/nobody_is_seven.sql: 1 rows violate this check, first u07"
    )
    assert not (theirs.folder / "checked.duckdb").exists()


def test_a_model_of_an_overlay_takes_the_events_of_the_options(
    theirs: Service, tmp_path: Path
) -> None:
    """Each play counts as heard to its end, which leaves nothing to center."""
    plays = sql_folder().joinpath("model/plays.sql").read_text()
    assert "cast(time as string)" in plays
    overlay(tmp_path, "model/plays.sql", plays.replace("cast(time as string)", "'1'"))
    targets = ("-d", "changed.duckdb", "-o", "changed.json")
    theirs.ask("build", "logs", *BUILD_OPTIONS, "--templates", tmp_path, *targets)
    statement = "select count(*) as users, sum(events) as events, max(mean_time) as most from users"
    done = theirs.ask("sql", statement, "-d", "changed.duckdb", "--format", "csv")
    assert done.stdout == "users,events,most\n12,300,1.0\n"
