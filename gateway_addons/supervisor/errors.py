"""What can go wrong with the workers as a whole."""


class StartFailed(Exception):
    """The gateway cannot start; the message tells the operator what to do."""


class ReloadRefused(Exception):
    """New settings are not taken up, the old ones stay; the message says why."""


class WorkerSilent(Exception):
    """A worker did not answer in time."""
