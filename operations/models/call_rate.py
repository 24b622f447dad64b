from __future__ import annotations

from django.db import models


class CallRate(models.Model):
    """How many calls somebody has taken from the rate that holds now, in all web processes together.

    Unlogged: a crash of PostgreSQL empties it, and everybody starts anew.
    """

    caller = models.TextField(primary_key=True, help_text="The rate's name, and whom it holds for.")
    ends_at = models.DateTimeField(help_text="By PostgreSQL's own clock, which no test moves.")
    taken = models.IntegerField(help_text="Calls handed to web processes in this period.")
    granted = models.IntegerField(help_text="Of these, those handed out last.")

    def __str__(self) -> str:
        return self.caller
