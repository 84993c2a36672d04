"""Errors that a person can act on: one line that names what was wrong and what to do."""


class RecNetError(RuntimeError):
    """Base of every error that is not a bug; its text is shown as it is.

    A RuntimeError, because the Agent Server hides the text of errors of unknown families.
    """


class DatabaseError(RecNetError):
    """The database is not there, or not as it must be."""


class NetworkError(RecNetError):
    """A network is unknown, already there, or not in the right state for what was asked."""


class InputError(RecNetError):
    """What a caller asked for does not make sense: unknown ids, a reused id."""


class ConflictError(RecNetError):
    """A rewrite met a newer version more often than it may."""
