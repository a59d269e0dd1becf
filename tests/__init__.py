"""The tests of ubcf; README.md says how to run them."""

import os

# As in ubcf.__main__: OpenBLAS would start threads that spin. It reads this when numpy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
