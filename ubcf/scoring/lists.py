"""The lists of all users, neighbors and recommendations, by the way that a plan names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from scipy import sparse

from ubcf.scoring.matrices import ModelMatrices
from ubcf.scoring.options import ALL_USERS, BY_PRODUCTS, BY_SIMILARITIES, Neighborhood, Walk
from ubcf.scoring.planner import Plan
from ubcf.scoring.ranking import ListOptions
from ubcf.scoring.ways.blocks import MOST_USERS_PER_BLOCK, ScoringJob, UserBlock
from ubcf.scoring.ways.products import by_products
from ubcf.scoring.ways.ridge import by_ridge
from ubcf.scoring.ways.similarities import by_similarities
from ubcf.scoring.ways.tiles import by_tiles
from ubcf.scoring.ways.walks import by_walk, similarities_of_scored


def score_users(
    matrices: ModelMatrices,
    lists: ListOptions,
    plan: Plan | None = None,
    *,
    neighborhood: Neighborhood = ALL_USERS,
    walk: Walk | None = None,
    ridge: float | None = None,
    threads: int = 1,
    memory: int = 1 << 30,
    most_users: int = MOST_USERS_PER_BLOCK,
    users: range | None = None,
    similarity: sparse.csr_array | None = None,
    advance: Callable[[float], None] = lambda _share: None,
) -> Iterator[UserBlock]:
    """Yields the neighbors and the recommendations of the users, in blocks of ascending users.

    matrices: of R, users x tracks, tracks by descending preference among equal scores. plan: None
    takes the way `similarities` without kernels; a neighborhood other than ALL_USERS, a walk and a
    ridge need that way. walk, ridge: a walk, or the lambda of a ridge, decides the weights in the
    scores; None: the neighborhood does. memory: bytes that the blocks in work may take together;
    each thread works on one user at least. most_users: of a block. users: consecutive ones; None:
    all. similarity: S of all users if a walk is to take it as known, which one of some users needs.
    advance: called with the share of the work done since the last call; all shares add up to 1.
    """
    job = ScoringJob(
        matrices,
        neighborhood,
        lists,
        threads,
        memory,
        most_users,
        compiled=plan is not None and plan.compiled,
        scored=range(len(matrices.norms)) if users is None else users,
    )
    with ThreadPoolExecutor(threads) as pool:
        if walk is not None:
            yield from by_walk(job, walk, pool, advance, similarity=similarity)
        elif ridge is not None:
            neighbors = plan is None or plan.neighbors
            yield from by_ridge(job, ridge, pool, advance, neighbors=neighbors)
        elif plan is None or plan.way == BY_SIMILARITIES:
            yield from by_similarities(job, pool, advance)
        elif plan.way == BY_PRODUCTS:
            yield from by_products(job, pool, advance, neighbors=plan.neighbors)
        else:
            yield from by_tiles(
                job,
                pool,
                advance,
                neighbors=plan.neighbors,
                tile_width=plan.tile_width,
                users_at_once=plan.users_at_once,
            )


def nearest_similarities(
    matrices: ModelMatrices,
    plan: Plan,
    neighborhood: Neighborhood,
    *,
    threads: int,
    users: range,
) -> sparse.csr_array:
    """The rows of S of some consecutive users, which a walk of all users needs: users x all users.

    The other arguments are those of `score_users`, whose walk takes the rows of all users.
    """
    lists = ListOptions(1, 0)
    job = ScoringJob(
        matrices,
        neighborhood,
        lists,
        threads,
        plan.block_bytes,
        MOST_USERS_PER_BLOCK,
        plan.compiled,
        users,
    )
    with ThreadPoolExecutor(threads) as pool:
        return similarities_of_scored(job, pool, lambda _users: None)
