"""What the engine remembers."""

from operations.models.audit_event import AuditEvent
from operations.models.call_rate import CallRate
from operations.models.counter import Counter
from operations.models.heartbeat import Heartbeat
from operations.models.idempotency import IdempotencyKey
from operations.models.locks import QuotaReservation, ResourceLock
from operations.models.operation import Operation, Priority
from operations.models.outbox import OutboxEvent
from operations.models.step_run import StepRun

__all__ = [
    "AuditEvent",
    "CallRate",
    "Counter",
    "Heartbeat",
    "IdempotencyKey",
    "Operation",
    "OutboxEvent",
    "Priority",
    "QuotaReservation",
    "ResourceLock",
    "StepRun",
]
