"""The tests; the READMEs and the docstring of each module say what they promise."""

import os

# As ubcf does: OpenBLAS, which reads it when numpy is imported, would start threads that spin.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
