"""The results of score_users, whatever the blocks in which they came."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ubcf.scoring.ways.blocks import UserBlock


def pieces_of(blocks: list[UserBlock]) -> dict[str, NDArray[Any]]:
    """All the arrays of all the blocks, put together."""
    return {
        "users": np.concatenate([np.arange(block.start, block.stop) for block in blocks]),
        "positive": np.concatenate([block.counts.positive for block in blocks]),
        "negative": np.concatenate([block.counts.negative for block in blocks]),
        "positive_scores": np.concatenate([block.positive_scores for block in blocks]),
        "common_tracks": np.concatenate([block.common_tracks for block in blocks]),
        **{
            f"{lists} {part}": np.concatenate(
                [getattr(getattr(block, lists), part) for block in blocks]
            )
            for lists in ("neighbors", "recommendations")
            for part in ("lengths", "columns", "values")
        },
    }
