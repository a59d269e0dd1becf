"""Top lists: the ranking of tracks by score, and of neighbors by similarity.

The ranking is by value, descending. Values next to each other in that order that differ by less
than 1e-10 are equal (equality chains); among equal values the smaller column index goes first.
Columns are indexed by preference (tracks: by popularity), so the index breaks ties as it should.
"""

from __future__ import annotations

import numpy as np

# Scores that are equal in mathematics differ by a few 1e-16 a term, differently for each order of
# summation. Far above that, and far below any difference that means something.
EQUALITY_GAP = 1e-10

# Values this far below the last one wanted are ranked too: an equality chain that begins in a list
# may end outside. Room for a hundred links.
CHAIN_ROOM = 100 * EQUALITY_GAP

# Rows with more than this many entries for each one wanted are thinned out before they are sorted.
WORTH_THINNING = 4

# A cosine of unit vectors carries rounding noise of a few 1e-16 a common track: what is under this
# is a zero that did not cancel, and its sign must not make anybody a neighbor.
SIMILARITY_NOISE = 1e-12

# Rounding noise of what an interaction counts: under this it is 0.
COUNTED_TIME_NOISE = 1e-9

# Keeps a division by nothing at 0: without a neighbor, and without damping.
SMALLEST = float(np.finfo(np.float64).tiny)

# Rounding to single precision: a sum of n products is off by at most (n + 3) units of 2^-24 times
# the sum of the magnitudes (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1).
# Twice that is allowed for.
SINGLE_ROUNDING = 2.0**-23
