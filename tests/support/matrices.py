"""Small matrices of interactions and of scores, and strategies that draw them."""

from __future__ import annotations

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import sparse

from ubcf.scoring.matrices import ModelMatrices, interaction_matrix

MOST_ROWS, MOST_COLUMNS = 4, 12


Row = dict[int, float]  # the stored entries of a row, in the order in which they are stored


# Values that are equal, 1e-16 apart, or just less or more than the gap apart; most are near 0.
STEPS = (0.0, 1e-16, 6e-11, 9.9e-11, 1e-10, 1.2e-10, 1.8e-10, 2.4e-10, 3e-10)


ABOUT_ZERO = [sign * step for step in STEPS for sign in (1, -1)]


SCORES = [base + value for base in (0.25, 0.5, -0.25) for value in ABOUT_ZERO] + 3 * ABOUT_ZERO


VALUES = st.sampled_from(SCORES)


@st.composite
def score_rows(draw: st.DrawFn) -> tuple[list[Row], int]:
    """Rows of scores, some of them full or empty, some with stored zeros; and their columns."""
    columns = draw(st.integers(1, MOST_COLUMNS))
    sparse_row = st.dictionaries(st.integers(0, columns - 1), VALUES)
    full_row = st.fixed_dictionaries(dict.fromkeys(range(columns), VALUES))
    rows = draw(st.lists(st.one_of(sparse_row, full_row), min_size=1, max_size=MOST_ROWS))
    return rows, columns


def matrix_of(rows: list[Row], columns: int) -> sparse.csr_array:
    """The rows as a sparse matrix that stores their entries in the given order, zeros too."""
    stored = [entry for row in rows for entry in row.items()]
    return sparse.csr_array(
        (
            np.array([value for _, value in stored], dtype=np.float64),
            np.array([column for column, _ in stored], dtype=np.int32),
            np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int32),
        ),
        shape=(len(rows), columns),
    )


# Few values, so that rows are parallel, opposed and orthogonal; thirds, so that nothing is exact.
CENTERED_TIMES = st.sampled_from((-0.5, -0.25, -1 / 3, 0.0, 0.01, 0.1, 0.25, 1 / 3, 0.5))


@st.composite
def interactions(draw: st.DrawFn, most_users: int = 7, most_tracks: int = 6) -> sparse.csr_array:
    """R of a few users and tracks, some of which have no entries."""
    users, tracks = draw(st.integers(1, most_users)), draw(st.integers(1, most_tracks))
    pairs = st.tuples(st.integers(0, users - 1), st.integers(0, tracks - 1))
    entries = draw(st.dictionaries(pairs, CENTERED_TIMES, max_size=users * tracks))
    return interactions_of(entries, (users, tracks))


def interactions_of(
    entries: dict[tuple[int, int], float], shape: tuple[int, int]
) -> sparse.csr_array:
    return interaction_matrix(
        np.array([user for user, _ in entries], dtype=np.int32),
        np.array([track for _, track in entries], dtype=np.int32),
        np.array(list(entries.values()), dtype=np.float64),
        shape,
    )


# Few different values, so that many similarities and scores are equal; some cancel with an offset.
LEVELS = (-0.5, -0.25, 0.0, 0.25, 0.5, 0.75)


@st.composite
def centered_times(draw: st.DrawFn) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Centered times of up to 8 users x 9 tracks, and which were heard; some users have only 0."""
    users, tracks = draw(st.integers(1, 8)), draw(st.integers(1, 9))
    heard = np.array(
        draw(st.lists(st.booleans(), min_size=users * tracks, max_size=users * tracks))
    ).reshape(users, tracks)
    values = draw(st.lists(st.sampled_from(LEVELS), min_size=heard.size, max_size=heard.size))
    constant = draw(st.lists(st.booleans(), min_size=users, max_size=users))
    times = np.where(np.array(constant)[:, np.newaxis], 0.0, np.reshape(values, heard.shape))
    assume(heard.any())
    return np.where(heard, times, 0.0), heard


def crowd(random: np.random.Generator) -> ModelMatrices:
    """3,000 users who heard some of 200 tracks, with many times that are equal."""
    rows = np.repeat(np.arange(3_000), 20)
    columns = np.minimum(random.zipf(1.2, len(rows)) - 1, 199)
    rows, columns = np.unique(np.stack([rows, columns]), axis=1)
    times, shape = random.choice(LEVELS, len(rows)), (3_000, 200)
    return ModelMatrices.of(rows, columns, times, shape, centered_time=times)
