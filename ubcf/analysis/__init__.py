"""What SQL alone answers about a finished build."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import NoReturn

from ubcf.errors import UbcfError


class _Analysis(ModuleType):
    """This package, which up to version 0.1 shared its name with the function `ubcf.query`."""

    def __call__(self, *_args: object, **_variables: object) -> NoReturn:
        """Raises UbcfError with the new name."""
        raise UbcfError("ubcf.analysis(...) is now ubcf.query(...)")


sys.modules[__name__].__class__ = _Analysis
