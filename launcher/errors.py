"""The errors that end a command with a sentence instead of a traceback."""


class LauncherError(Exception):
    """Something that a person has to put right; the text says what is wrong, where, and what to do."""


class FailedError(Exception):
    """The demonstration cannot go on: a process ended by itself, or nothing happens; the text says what is known."""
