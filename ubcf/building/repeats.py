"""Lines that repeat an earlier line: left out, or told from those that chance explains.

A second copy of the logs, such as in a dated folder, counts every play twice.
"""

from __future__ import annotations

from ubcf.building.inputs.log_options import DROP
from ubcf.database.templates import Templates
from ubcf.database.writing import Database
from ubcf.errors import OptionError

# Fewer repeated lines than this share of the events are not looked into.
SUSPICIOUS_SHARE = 0.01

# More equal events than this many times as chance gives are not explained by it.
TIMES_CHANCE = 2


def check_repeats(repeats: str, templates: Templates) -> None:
    """Raises OptionError if lines are to be compared of which only an overlay knows what they are.

    repeats: KEEP or DROP.
    """
    if repeats == DROP and templates.replaces("staging/events.sql"):
        raise OptionError(
            f"repeats is {DROP!r}, but {templates.path('staging/events.sql')} decides what a line "
            "is; let it leave out the repeated ones"
        )


def settle_repeats(db: Database, log_paths: list[str], repeats: str, *, leaves_out: bool) -> bool:
    """Leaves out the lines that repeat an earlier one (DROP), or tells if chance explains them.

    log_paths: those of all logs. leaves_out: a condition leaves out other lines. Reads the variable
    duplicate_lines, and sets suspicious_repeats. Returns whether it made the table copied_files.
    Costs nothing where no line repeats another.
    """
    db.set(suspicious_repeats=False)
    ((duplicates,),) = db.execute("select getvariable('duplicate_lines')")
    if not duplicates:
        return False
    db.set(log_paths=log_paths)
    if repeats == DROP:
        uncertain = db.run("staging/questions/uncertain_files.sql")
        db.run(
            "staging/compared_lines.sql",
            every_line=not uncertain,
            leaves_out=leaves_out,
            among_shared=False,
        )
        db.run("staging/left_out_lines.sql")
        db.run("staging/without_left_out_lines.sql")
        db.run("staging/left_out_by_file.sql")
        db.run("staging/accepted_lines.sql")
        return False
    if duplicates <= SUSPICIOUS_SHARE * db.count("events"):
        return False
    db.run("staging/lines_of_files.sql")
    db.run("staging/copied_files.sql")
    db.drop("lines_of_files")
    ((equal, by_chance),) = db.run("staging/questions/equal_plays.sql")
    copied = any(row["is_exact"] for row in db.dictionaries("copied_files"))
    suspicious = copied or bool(equal > TIMES_CHANCE * by_chance)
    db.set(suspicious_repeats=suspicious)
    return suspicious
