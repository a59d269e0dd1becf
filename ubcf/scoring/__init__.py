"""The mathematics: interactions in, ranked lists out. Knows no database, file or command.

What is computed
----------------

For a user u and a track t; users and tracks are dense indexes, tracks by descending popularity:

    h(u, t)      centered time: the mean over the plays of t by u of time - center. The center is
                 the mean time of u; or the baseline estimate mean + bias(u) + bias(t) (Koren,
                 2010); or 0. Below 1e-9 in magnitude h is exactly 0.
    R            h plus the offset, a sparse matrix, users x tracks.
    X            R with every row divided by its Euclidean norm; with a track exponent a, after the
                 column of a track with n listeners was multiplied by n^-a.
    w(u, v)      similarity: the cosine of the rows u and v of R, which is (X X')(u, v), and 0 for
                 u = v; or the cosine over the tracks that both heard (Herlocker et al., 1999); with
                 a track exponent, of the rows whose columns were multiplied. Options of the
                 neighborhood multiply it by n / (n + shrinkage) for n tracks in common (Koren,
                 2010), set minima, and keep only the k nearest users with w > 0.
                 With a walk or a ridge, the scores take other weights: see `ubcf.scoring.walk` and
                 `ubcf.scoring.ridge`.
    score(u, t)  the sum over users v of w(u, v) R(v, t), plus the own term, the own liking times
                 max(h(u, t), 0); the own liking is 0 by default.
    predicted    center + sum of w(u, v) h(v, t) / (sum of |w(u, v)| + damping), over the listeners
    time         v of t, or the k nearest of them (Resnick et al., 1994, damped); cut to 0..1. With
                 own tracks, center + 0.8 times the sum of this fraction and of the same over the
                 other tracks that u heard, by similarities between the columns of R.
    ranking      by score, descending. Adjacent scores that differ by less than 1e-10 are equal, and
                 form equality chains; within a chain, the more popular track goes first.
    list         the first tracks of the ranking of all tracks: positive scores, then zeros, then
                 negative scores. Neighbors are ranked by w in the same way.

Three ways to the same lists
----------------------------

If all users count by their plain cosines, W = X X' - D, where the diagonal matrix D is 1 for users
whose rows of R are not 0. The scores are W R = (X X' - D) R = X (X' R) - D R by the associative
law, so either product can be formed first (own terms are subtracted from D R):

                users x users
         +----- W = X X' - D ---- W R ----------+                  similarities: W by rows
         |                                      |
    R, X +----- G = X' R -------- X G - D R ----+---- ranking      products: G whole, sparse
         |      tracks x tracks                 |        |
         +----- G = X' R -------- X G - D R ----+      lists       tiles: G by columns, dense

The ways add in different orders, so their scores differ by a few 1e-16 per term. That is far below
the equality gap: scores that are equal in exact arithmetic are equal in the ranking, and the lists
are the same. Within a way, a row depends neither on the sizes of blocks nor on the threads.

Options of the neighborhood change W itself, so they need the way `similarities`, of which a walk
and a ridge are forms with two passes: `ubcf.scoring.ways.walks` and `ridge`. Otherwise the planner
estimates the cost of each way, and takes the cheapest that fits in the memory.

Modules
-------

Each imports only from the lines below its own:

    lists         score_users: the lists of all users, by the way of a plan
    planner       which way to take
    costs         the seconds and bytes of each way
    ways          one module a way, and blocks, which they share
      predictions predicted times: from neighbors, and from the user's own tracks
    pairs         scores of single pairs of a user and a track; what neighbors predict for them
    walk          the weights of users reached through users
    similarity    similarities, and the options of the neighborhood
      ridge       the weights of a ridge regression of each user on all others
    ranking       top lists and equality chains
    kernels       compiled loops; see below
      baseline    the biases of users and tracks
      inverse     the inverse of a large symmetric matrix, in tiles
    matrices      R, X and their transposes; Rows, a sparse matrix as kernels take it
    options       the options of the model, and the names of the ways
      tolerances  the equality gap, and what counts as rounding
      parallel    work on the threads of a pool
      heap        giving free memory back to the system

Kernels
-------

All computations have a numpy and scipy form, which is readable, starts at once, and is what the
kernels are tested against. If numba is installed and the work repays loading it, the planner or the
caller sets `compiled`, and `ways`, `pairs`, `similarity` and `ranking` call the module of `kernels`
with their name; kernels.selection, prefetch and vectors are what these share. Kernels combine a
product with the selection of what can be in a list, so they never store whole rows of weights or
scores.
"""
