"""Tolerances: when two scores are equal, and what counts as zero.

They are the constants of the ranking rule (see `ubcf.scoring.ranking`) and of rounding errors. The
numpy code and the kernels, which do not import each other's constants, both take them from here.
"""

from __future__ import annotations

import numpy as np

# Adjacent values of a ranking that differ by less are equal. Scores that are equal in exact
# arithmetic differ by a few 1e-16 per term, depending on the order of summation. The gap is far
# above that, and far below any difference that matters.
EQUALITY_GAP = 1e-10

# Values this far below the last entry of a list are ranked too, since an equality chain that begins
# inside the list may end outside. Room for a chain of a hundred links.
CHAIN_ROOM = 100 * EQUALITY_GAP

# The cosine of two unit vectors carries rounding noise of a few 1e-16 per common track. Magnitudes
# below this are zeros that did not cancel; their sign must not make two users neighbors.
SIMILARITY_NOISE = 1e-12

# Centered times with an offset are exactly 0 below this magnitude.
COUNTED_TIME_NOISE = 1e-9

# A score is off by less than this share of its greatest term. Only decides where to look for terms,
# so it is generous.
OWN_TERM_ROUNDING = 1e-10

# The least divisor of a predicted time: makes 0 / 0 a 0 without neighbors and without damping.
SMALLEST_DIVISOR = float(np.finfo(np.float64).tiny)

# Unit of rounding in single precision. A sum of n products is off by at most (n + 3) * 2^-24 times
# the sum of the magnitudes (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1).
# Twice that is allowed.
SINGLE_ROUNDING = 2.0**-23

# Not a tolerance, but shared like one: rows with more than this many entries per list entry are
# thinned before they are sorted, by `ubcf.scoring.ranking` and by its kernel. The kernel must not
# import the module above it, and importing the kernel's module would load numba.
WORTH_THINNING = 4
