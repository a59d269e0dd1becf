"""The three ways to the same lists: `similarities`, `products` and `tiles`.

Each is a function that yields the `UserBlock`s of all users, by ascending user. `blocks` holds what
they share: the job, the sizes of blocks and the results. Why the ways agree: `ubcf.scoring`.
"""
