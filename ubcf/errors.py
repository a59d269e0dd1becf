"""The errors that end a command with one line on stderr."""


class UbcfError(Exception):
    """An error that the user can understand and act on."""


class InputError(UbcfError):
    """A log or catalog file is missing or cannot be used."""


class RejectedLinesError(InputError):
    """More lines of the logs were rejected than the build allows."""


class RotatedError(InputError):
    """A log changed or vanished while it was read: building again is likely to succeed."""


class OptionError(UbcfError):
    """An option has a value out of its bounds, or contradicts another one."""


class TemplateError(UbcfError):
    """A file of sql/, or of an overlay, cannot be rendered or run."""


class CheckError(UbcfError):
    """A check of sql/checks/ returned rows: the results are inconsistent."""


class DatabaseError(UbcfError):
    """The database is missing, not a DuckDB file, not made by ubcf, or cannot be written."""


class QueryError(UbcfError):
    """A statement of the user cannot be run."""


class NotFoundError(UbcfError):
    """A user, track, analysis or experiment does not exist."""


class BusyError(UbcfError):
    """Another build is writing the same file."""


class SimulationError(UbcfError):
    """Logs cannot be simulated with these arguments."""


def one_line(error: BaseException) -> str:
    """The message of an error with line breaks and runs of spaces made single spaces."""
    return " ".join(str(error).split())
