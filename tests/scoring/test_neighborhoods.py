"""Every option of the model, alone and with others, against the dense reference."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.support.dense import EVERY_OPTION, NOTHING, check_against_dense
from tests.support.examples import examples
from tests.support.matrices import centered_times
from ubcf.scoring.options import BY_PRODUCTS, BY_TILES
from ubcf.scoring.planner import Plan


@pytest.mark.parametrize("name", EVERY_OPTION)
@examples(60)
@given(data=st.data(), logs=centered_times())
def test_an_option_alone_does_what_its_definition_says(
    name: str, data: st.DataObject, logs: tuple[NDArray[np.float64], NDArray[np.bool_]]
) -> None:
    check_against_dense(*logs, replace(NOTHING, **{name: data.draw(EVERY_OPTION[name])}))


@examples(250)
@given(
    logs=centered_times(),
    chosen=st.fixed_dictionaries({}, optional=EVERY_OPTION),
)
def test_options_together_do_what_their_definitions_say(
    logs: tuple[NDArray[np.float64], NDArray[np.bool_]], chosen: dict[str, Any]
) -> None:
    check_against_dense(*logs, replace(NOTHING, **chosen))


@pytest.mark.parametrize("way", [BY_PRODUCTS, BY_TILES])
@examples(60)
@given(
    logs=centered_times(),
    chosen=st.fixed_dictionaries(
        {name: EVERY_OPTION[name] for name in ("offset", "own_liking", "track_exponent")}
    ),
)
def test_products_and_tiles_take_offset_own_liking_and_track_exponent(
    way: str,
    logs: tuple[NDArray[np.float64], NDArray[np.bool_]],
    chosen: dict[str, Any],
) -> None:
    plan = Plan(way, False, False, 4, 8, 1 << 26, {}, "")
    check_against_dense(*logs, replace(NOTHING, **chosen), plan)
