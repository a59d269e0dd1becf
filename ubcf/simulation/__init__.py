"""Synthetic logs of the service: its layout of folders, and byte for byte its format of lines.

Each listener has two favorite genres and a favorite artist in each of them. A session starts with a
track of the listener's taste, heard in full; every next track is a recommendation, either of the
listener's taste or from the chart, or, with another recommender, from anywhere. How much of it is
heard depends on how well it suits, and the session ends when the listener has run out of patience
with tracks left unheard. So similar listeners have similar listening times, which is what
collaborative filtering looks for. Nothing in the logs is about a real person, artist or song.

Two experiments assign each listener a treatment. In TASTE_SHARE, T1 recommends by taste more often
than C; AA_CHECK is an A/A test, without any effect.

The period is cut into slots of about `sessions.SLOT_EVENTS` events. A slot draws its sessions,
schedules them, and writes every event before its end; events of sessions that go on after it wait
for the next slot. So timestamps ascend in each file, and memory holds one slot.

The same arguments give the same bytes on every machine: each draw is a uniform number of PCG64,
shaped only by operations that IEEE 754 rounds exactly (products, quotients, square roots), never by
`pow` or `log`, whose results differ between machines.

    draws       random numbers: streams, permutations, Zipf ranks
    catalog     the tracks: artists, genres, popularity
    listeners   tastes, treatments, activity
    sessions    who listens when, to what, for how long
    log_lines   events as lines of the service
    simulate    the public function: arguments and files
"""

from typing import Literal, get_args

# What the service recommends apart from the taste of the listener.
Recommender = Literal["chart", "random"]

RECOMMENDERS: tuple[Recommender, ...] = get_args(Recommender)
