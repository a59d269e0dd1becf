"""The errors that end a command with one line on stderr."""


class UbcfError(Exception):
    """Something that a user of ubcf can understand and act on."""


class InputError(UbcfError):
    """A log or catalog file is missing or cannot be used."""


class RejectedLinesError(InputError):
    """More lines of the logs were rejected than the build allows."""


class OptionError(UbcfError):
    """An option has a value that makes no sense."""


class TemplateError(UbcfError):
    """A file of sql/, or one laid over it, cannot be rendered or run."""


class CheckError(UbcfError):
    """A check of sql/checks/ found rows that should not be."""


class DatabaseError(UbcfError):
    """The database is missing, is none, is not one that ubcf made, or cannot be written."""


class QueryError(UbcfError):
    """A query of the user's own cannot be run."""


class NotFoundError(UbcfError):
    """There is no such user, track, analysis or experiment."""


class BusyError(UbcfError):
    """Another build is at work on the same file."""


class SimulationError(UbcfError):
    """The logs cannot be simulated as asked."""


def one_line(error: BaseException) -> str:
    """The message of an error, without line breaks."""
    return " ".join(str(error).split())
