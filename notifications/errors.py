"""What notifications refuse, each with a stable code for API and log. Nothing has changed when one is raised."""

from __future__ import annotations


class NotificationRefused(Exception):
    """The wish cannot be granted."""

    code = "NotificationRefused"


class AddressNotPossible(NotificationRefused):
    """We would never speak to this address."""

    code = "AddressNotPossible"


class AddressTaken(NotificationRefused):
    """The workspace has this receiver already."""

    code = "AddressTaken"


class TooManyReceivers(NotificationRefused):
    """The workspace has as many receivers as it may have."""

    code = "TooManyReceivers"


class NotAWebhook(NotificationRefused):
    """Only webhooks are signed."""

    code = "NotAWebhook"


class NothingToReplay(NotificationRefused):
    """Only what was given up can be sent again."""

    code = "NothingToReplay"
