"""Finding the logs: which files count, each once, and that incomplete ones are refused."""

from __future__ import annotations

import errno
import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.compressed import COMPRESSED, LINES, zstandard
from ubcf.building.inputs.lines import check_complete, look_at
from ubcf.building.inputs.logs import (
    READ_SIZE,
    find_catalog,
    find_logs,
    frozen,
    grown,
    log_file,
)
from ubcf.errors import InputError

LINE = b'{"user": 1, "track": 2, "time": 0.5}\n'


def touch(folder: Path, *names: str, data: bytes = LINE) -> list[Path]:
    """Makes files that hold `data`."""
    paths = [folder / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return paths


def names(folder: Path, *places: str | Path) -> list[str]:
    """The names of the logs found, relative to the folder."""
    return [log.path.relative_to(folder).as_posix() for log in find_logs(places or [folder])]


# Folders


def test_a_folder_means_every_log_at_any_depth(tmp_path: Path) -> None:
    touch(tmp_path, "data.json", "a/data.json", "a/b/c/d/data.json.1", "z/data.json.2.gz")
    assert names(tmp_path) == [
        "a/b/c/d/data.json.1",
        "a/data.json",
        "data.json",
        "z/data.json.2.gz",
    ]


def test_rotated_logs_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    logs = [
        "botify-recommender-2/data.json",
        "botify-recommender-2/data.json.1",
        "botify-recommender-2/data.json.2",
        "botify-recommender-2/data.json.9.gz",
        "botify-recommender-2/data.json.10",
        "botify-recommender-2/data.json.100.zst",
        "botify-recommender-10/data.json",
    ]
    touch(tmp_path, *reversed(logs))
    assert names(tmp_path) == logs


@pytest.mark.parametrize(
    "name",
    [
        "data.json",
        "data.json.1",
        "data.json.0",
        "data.json.12345",
        "data.json.gz",
        "data.json.zst",
        "data.json.3.gz",
        "data.json.3.zst",
        "data.json.GZ",
        "data.json.3.gzip",
        "data.json.ZST",
        "data.json.4.zstd",
    ],
)
def test_these_names_in_a_folder_are_logs(tmp_path: Path, name: str) -> None:
    touch(tmp_path, f"replica/{name}")
    assert names(tmp_path) == [f"replica/{name}"]


@pytest.mark.parametrize(
    "name",
    [
        "data.json.bak",
        "data.json.1.tmp",
        "data.json.1.gz.tmp",
        "data.json.",
        "data.json.gz.1",
        "data.json.1.2",
        "data.json~",
        ".data.json.swp",
        "data.json.-1",
        "data.json.1 ",
        "data.json\n",
        "data.json.\u0661",
        "data.jsonl",
        "data.json.bz2",
        "Data.json",
        "my-data.json",
        "other.json",
        "tracks.json",
        "recommendations_ub.json",
    ],
)
def test_other_names_in_a_folder_are_no_logs(tmp_path: Path, name: str) -> None:
    touch(tmp_path, f"replica/{name}", "replica/data.json")
    assert names(tmp_path) == ["replica/data.json"]


def test_a_folder_named_like_a_log_is_a_folder(tmp_path: Path) -> None:
    touch(tmp_path, "data.json/data.json.1")
    assert names(tmp_path) == ["data.json/data.json.1"]


def test_a_file_given_by_path_is_a_log_whatever_its_name(tmp_path: Path) -> None:
    (path,) = touch(tmp_path, "tuesday.txt")
    assert names(tmp_path, path) == ["tuesday.txt"]


@pytest.mark.parametrize("place", ["{}", "{}/", "{}/.", "{}/../logs"])
def test_a_folder_may_be_written_in_several_ways(tmp_path: Path, place: str) -> None:
    touch(tmp_path, "logs/data.json", "logs/a/data.json")
    found = find_logs([place.format(tmp_path / "logs")])
    assert [log.path.resolve().relative_to(tmp_path).as_posix() for log in found] == [
        "logs/a/data.json",
        "logs/data.json",
    ]


def test_a_log_says_its_name_and_size(tmp_path: Path) -> None:
    (path,) = touch(tmp_path, "data.json", data=b"12345")
    (log,) = find_logs([tmp_path])
    assert (log.name, log.path, log.bytes) == (path.as_posix(), path, 5)


def test_relative_places_stay_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "logs/a/data.json")
    monkeypatch.chdir(tmp_path)
    assert [log.name for log in find_logs(["logs"])] == ["logs/a/data.json"]
    assert [log.name for log in find_logs(["."])] == ["logs/a/data.json"]
    assert [log.name for log in find_logs(["./logs/../logs/a/data.json"])] == [
        "logs/../logs/a/data.json"
    ]


# Once each


def test_a_file_named_twice_counts_once(tmp_path: Path) -> None:
    (path,) = touch(tmp_path, "a/data.json")
    other_way = tmp_path / "a" / ".." / "a" / "data.json"
    assert len(find_logs([path, path, tmp_path, other_way, str(tmp_path / "*" / "data.json")])) == 1


def test_a_link_to_a_log_counts_once(tmp_path: Path) -> None:
    (path,) = touch(tmp_path, "a/data.json")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "data.json").symlink_to(path)
    (tmp_path / "c").symlink_to(tmp_path / "a")
    assert names(tmp_path) == ["a/data.json"]


def test_a_hard_link_to_a_log_counts_once(tmp_path: Path) -> None:
    (path,) = touch(tmp_path, "data.json")
    os.link(path, tmp_path / "data.json.1")
    assert names(tmp_path) == ["data.json"]


def test_the_logs_of_a_linked_folder_count(tmp_path: Path) -> None:
    touch(tmp_path, "elsewhere/data.json")
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "linked").symlink_to(tmp_path / "elsewhere")
    assert names(tmp_path, tmp_path / "logs") == ["logs/linked/data.json"]


def test_a_folder_that_links_to_itself_ends(tmp_path: Path) -> None:
    touch(tmp_path, "a/data.json")
    (tmp_path / "a" / "again").symlink_to(tmp_path)
    assert len(find_logs([tmp_path])) == 1


def test_folders_that_link_to_each_other_end(tmp_path: Path) -> None:
    touch(tmp_path, "a/data.json", "b/data.json")
    for link in ("a/x", "a/y", "b/x", "b/y"):
        (tmp_path / link).symlink_to(tmp_path)
    assert names(tmp_path) == ["a/data.json", "b/data.json"]


def test_equal_files_are_different_logs(tmp_path: Path) -> None:
    touch(tmp_path, "a/data.json", "b/data.json")
    assert len(find_logs([tmp_path])) == 2


def test_a_link_to_nothing_is_an_error(tmp_path: Path) -> None:
    touch(tmp_path, "a/data.json")
    (tmp_path / "a" / "data.json.1").symlink_to(tmp_path / "gone")
    with pytest.raises(InputError, match=r"data\.json\.1: cannot be read: No such file"):
        find_logs([tmp_path])


# Patterns


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*/data.json", ["a/data.json", "b/data.json"]),
        ("**/data.json", ["a/c/data.json", "a/data.json", "b/data.json"]),
        ("[ab]/data.json", ["a/data.json", "b/data.json"]),
        ("?/data.json*", ["a/data.json", "a/data.json.2", "a/data.json.10", "b/data.json"]),
        ("a/data*", ["a/data.json", "a/data.json.2", "a/data.json.10"]),
        ("a/*.1?", ["a/data.json.10"]),
    ],
)
def test_a_pattern_means_the_files_that_match(
    tmp_path: Path, pattern: str, found: list[str]
) -> None:
    touch(
        tmp_path, "a/data.json", "a/data.json.2", "a/data.json.10", "a/c/data.json", "b/data.json"
    )
    assert names(tmp_path, str(tmp_path / pattern)) == found


@pytest.mark.parametrize("pattern", ["replica-*", "replica-?", "rep*", "*"])
def test_a_pattern_that_matches_folders_means_their_logs(tmp_path: Path, pattern: str) -> None:
    touch(tmp_path, "replica-1/data.json", "replica-2/a/data.json.1", "replica-2/other.json")
    (tmp_path / "replica-3").mkdir()
    assert names(tmp_path, str(tmp_path / pattern)) == [
        "replica-1/data.json",
        "replica-2/a/data.json.1",
    ]


@pytest.mark.parametrize("name", ["1²3", "٣", "0", "007", "9" * 200])
def test_any_digits_may_be_in_a_name(tmp_path: Path, name: str) -> None:
    touch(tmp_path, f"{name}/data.json", "2/data.json")
    assert len(find_logs([tmp_path])) == 2


@pytest.mark.parametrize(
    "folder",
    [
        "logs [1]",
        "[a]",
        "what?",
        "star*",
        "it's",
        'quo"te',
        "müller 日本",
        "a b",
        "{x}",
        "100 %",
        "$v",
    ],
)
def test_a_place_that_exists_is_no_pattern(tmp_path: Path, folder: str) -> None:
    touch(tmp_path, f"{folder}/data.json", "a/data.json", "star, too/data.json")
    assert names(tmp_path, tmp_path / folder) == [f"{folder}/data.json"]
    assert names(tmp_path, tmp_path / folder / "data.json") == [f"{folder}/data.json"]


# Errors say what was looked for


def test_a_missing_place_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        find_logs([tmp_path / "nowhere"])
    assert str(error.value) == (
        f"{tmp_path / 'nowhere'}: no such file or folder, and no file matches it as a pattern"
    )


def test_a_pattern_that_matches_no_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="no file matches it as a pattern"):
        find_logs([str(tmp_path / "fold*")])


def test_one_missing_place_among_others_is_an_error(tmp_path: Path) -> None:
    touch(tmp_path, "logs/data.json")
    with pytest.raises(InputError, match="nowhere: no such file"):
        find_logs([tmp_path / "logs", tmp_path / "nowhere"])


def test_a_folder_without_logs_is_an_error(tmp_path: Path) -> None:
    touch(tmp_path, "other.json", "deep/data.json.bak")
    with pytest.raises(InputError) as error:
        find_logs([tmp_path])
    assert str(error.value) == (
        f"{tmp_path}: no log file in this folder; looked at every depth for data.json, "
        "data.json.N, and either with .gz or .zst; --pattern NAME, such as --pattern '*.csv', "
        "names others"
    )


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
@pytest.mark.parametrize("inside", [True, False])
def test_a_pipe_is_no_log(tmp_path: Path, inside: bool) -> None:
    os.mkfifo(tmp_path / "data.json")
    with pytest.raises(InputError, match=r"data\.json: cannot be read: it is not a file on disk"):
        find_logs([tmp_path if inside else tmp_path / "data.json"])


@pytest.mark.skipif(os.name == "nt", reason="every name is UTF-8 there")
def test_a_name_that_is_not_utf8_is_an_error_that_can_be_printed(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/m\xfcller"
    try:
        os.mkdir(folder)  # noqa: PTH102
    except OSError:
        pytest.skip("the file system takes UTF-8 alone")
    touch(Path(os.fsdecode(folder)), "data.json")
    with pytest.raises(InputError, match="its name is not UTF-8") as error:
        find_logs([tmp_path])
    str(error.value).encode()


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root reads every file")
def test_an_unreadable_log_is_an_error(tmp_path: Path) -> None:
    (path,) = touch(tmp_path, "data.json")
    path.chmod(0)
    with pytest.raises(InputError, match=r"data\.json: cannot be read: Permission denied"):
        find_logs([tmp_path])


def test_a_folder_that_cannot_be_read_is_an_error_not_a_folder_without_logs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "a/data.json", "b/data.json")
    listdir = os.listdir

    def refuse(path: str) -> list[str]:
        if Path(path).name == "b":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return listdir(path)

    monkeypatch.setattr(os, "listdir", refuse)
    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(InputError, match=r"b: cannot be read: Permission denied"):
        find_logs([tmp_path])


# The catalog


def test_the_catalog_lies_in_a_folder_of_logs(tmp_path: Path) -> None:
    touch(tmp_path, "logs/tracks.json", "logs/data.json")
    assert find_catalog([tmp_path / "logs"]) == tmp_path / "logs" / "tracks.json"


def test_the_catalog_is_not_looked_for_in_subfolders(tmp_path: Path) -> None:
    touch(tmp_path, "logs/deeper/tracks.json", "logs/data.json", "tracks.json")
    assert find_catalog([tmp_path / "logs", tmp_path / "logs" / "data.json"]) is None


def test_a_catalog_reached_twice_is_one(tmp_path: Path) -> None:
    (path,) = touch(tmp_path, "a/tracks.json")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "tracks.json").symlink_to(path)
    assert find_catalog([tmp_path / "a", tmp_path / "b", tmp_path / "b" / ".." / "a"]) is not None


def test_two_copies_of_a_catalog_are_one_whatever_the_order_of_the_folders(tmp_path: Path) -> None:
    first, _ = touch(tmp_path, "a/tracks.json", "b/tracks.json")
    assert find_catalog([tmp_path / "b", tmp_path / "a"]) == first


def test_two_catalogs_are_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    first, second = touch(tmp_path, "a/tracks.json", "b/tracks.json")
    second.write_bytes(LINE + LINE)
    with pytest.raises(InputError) as error:
        find_catalog([tmp_path / "b", tmp_path / "a"])
    assert str(error.value) == f"several catalogs: {first}, {second}; choose one with --catalog"


# Compressed files


def checked(folder: Path, name: str, data: bytes) -> None:
    touch(folder, name, data=data)
    check_complete([log_file(folder / name)])


@pytest.mark.parametrize("kind", COMPRESSED)
def test_a_complete_compressed_log_passes(tmp_path: Path, kind: str) -> None:
    suffix, compressed = COMPRESSED[kind]
    checked(tmp_path, f"data.json.{suffix}", compressed())


# Cut between two parts, or within the padding, a file is complete.
OF_ONE_PART = [kind for kind in COMPRESSED if "several" not in kind and "padded" not in kind]


@pytest.mark.parametrize("kind", OF_ONE_PART)
def test_a_compressed_log_that_is_cut_anywhere_is_an_error(tmp_path: Path, kind: str) -> None:
    suffix, compressed = COMPRESSED[kind]
    whole = compressed()
    ends = {1, 2, 3, 5, 9, len(whole) // 3, len(whole) // 2, len(whole) - 9, len(whole) - 1}
    for end in sorted(end for end in ends if 0 < end < len(whole)):
        with pytest.raises(InputError, match=rf"data\.json\.{suffix}: "):
            checked(tmp_path, f"data.json.{suffix}", whole[:end])


@pytest.mark.parametrize("suffix", ["gz", "zst"])
def test_a_last_part_that_is_cut_is_an_error(tmp_path: Path, suffix: str) -> None:
    part = gzip.compress(LINES) if suffix == "gz" else zstandard(LINES)
    for end in range(1, 20):
        with pytest.raises(InputError, match=rf"data\.json\.{suffix}: "):
            checked(tmp_path, f"data.json.{suffix}", part + part[:end])


@pytest.mark.parametrize("suffix", ["gz", "zst"])
@pytest.mark.parametrize("data", [LINES, b"\n", b"\x00" * 100, b"PK\x03\x04 something else"])
def test_a_log_that_is_not_what_its_name_says_is_an_error(
    tmp_path: Path, suffix: str, data: bytes
) -> None:
    with pytest.raises(InputError, match=rf"data\.json\.{suffix}: .*[Nn]ot a"):
        checked(tmp_path, f"data.json.{suffix}", data)


def test_a_damaged_gzip_is_an_error(tmp_path: Path) -> None:
    whole = bytearray(gzip.compress(LINES))
    whole[len(whole) // 2] ^= 0xFF
    with pytest.raises(InputError, match=r"data\.json\.gz: "):
        checked(tmp_path, "data.json.gz", bytes(whole))


@pytest.mark.parametrize("name", ["data.json", "data.json.gz", "data.json.zst"])
def test_an_empty_file_is_complete(tmp_path: Path, name: str) -> None:
    checked(tmp_path, name, b"")


def test_the_error_names_the_one_bad_file_among_others(tmp_path: Path) -> None:
    touch(tmp_path, "data.json.1.gz", "data.json.3.gz", data=gzip.compress(LINES))
    touch(tmp_path, "data.json.2.gz", data=gzip.compress(LINES)[:-4])
    with pytest.raises(InputError, match=r"data\.json\.2\.gz: Compressed file ended"):
        check_complete(find_logs([tmp_path]))


# Growing files


def test_a_log_that_did_not_change_has_not_grown(tmp_path: Path) -> None:
    touch(tmp_path, "data.json", "data.json.1")
    assert grown(find_logs([tmp_path])) == []


def test_a_frozen_log_holds_what_was_there_and_keeps_its_name(tmp_path: Path) -> None:
    (path,) = touch(tmp_path, "data.json.1", data=b"before")
    log = log_file(path)
    path.write_bytes(b"before and after")
    assert grown([log]) == [log]
    copy = frozen(log, tmp_path, 7)
    assert (copy.name, copy.bytes, copy.path.read_bytes()) == (path.as_posix(), 6, b"before")
    assert grown([copy]) == []


@pytest.mark.parametrize("name", ["data.json.3.gz", "data.json.zst", "2024.01.02.gz"])
def test_a_frozen_log_is_as_compressed_as_it_was(tmp_path: Path, name: str) -> None:
    (path,) = touch(tmp_path, name)
    assert frozen(log_file(path), tmp_path, 0).path.suffix == path.suffix


# Counting lines


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", 0),
        (b"\xef\xbb\xbf", 0),
        (b"\xef\xbb\xbf{}", 1),
        (b"{}", 1),
        (b"{}\n", 1),
        (b"{}\n\n \n{}", 4),
        (b"{}\n" * READ_SIZE, READ_SIZE),  # three bytes each: lines end on every edge of a reading
        (b" " * READ_SIZE + b"\n", 1),
        (b"{}\r\n\r\n{}", 3),
        (b"{}\r{}\n", 1),
    ],
    ids=["empty", "mark", "mark-and-one", "cut", "one", "blank", "many", "long", "CRLF", "CR"],
)
@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_lines_are_counted_by_the_bytes_of_a_file_compressed_or_not(
    tmp_path: Path, data: bytes, lines: int, suffix: str
) -> None:
    pack: dict[str, Callable[[bytes], bytes]] = {"": bytes, ".gz": gzip.compress, ".zst": zstandard}
    (path,) = touch(tmp_path, f"data.json{suffix}", data=pack[suffix](data))
    assert look_at(log_file(path)).count == lines
