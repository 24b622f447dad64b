from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from inventory.identifiers import new_id
from notifications.models.receiver import Receiver
from operations.clock import DatabaseNow
from operations.models import OutboxEvent


class Delivery(models.Model):
    """One event on its way to one receiver, at least once.

    pending → delivered | dead (given up); dead → pending (an operator sends it again). Of one receiver and target, the event
    with the lowest number goes first, and no other before it has arrived or was given up.
    """

    class State(models.TextChoices):
        PENDING = "pending"
        DELIVERED = "delivered"
        DEAD = "dead"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    event = models.ForeignKey(OutboxEvent, models.CASCADE, related_name="deliveries")
    receiver = models.ForeignKey(Receiver, models.PROTECT, related_name="deliveries")
    number = models.BigIntegerField(help_text="Counts the events of a receiver, without gaps.")
    target = models.TextField()
    state = models.TextField(choices=State.choices, default=State.PENDING)
    attempts = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(db_default=DatabaseNow())
    give_up_at = models.DateTimeField()
    last_error = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(db_default=DatabaseNow())
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["receiver", "number"], name="delivery_numbered_once"),
            models.UniqueConstraint(fields=["receiver", "event"], name="delivery_once_per_event"),
            models.CheckConstraint(
                condition=Q(state__in=["pending", "delivered", "dead"]), name="delivery_state_known"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["receiver", "target", "number"], condition=Q(state="pending"), name="delivery_line"),
            models.Index(fields=["created_at"], condition=Q(state="pending"), name="delivery_oldest"),
            models.Index(fields=["receiver", "-ended_at"], condition=Q(state="dead"), name="delivery_dead"),
        ]

    def __str__(self) -> str:
        return f"{self.number} to {self.receiver}"
