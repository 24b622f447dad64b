"""Who must hear of it, and whether they have. The outbox itself belongs to `operations`."""

from notifications.models.delivery import Delivery
from notifications.models.notice import Notice, NoticeRead
from notifications.models.receiver import Receiver

__all__ = ["Delivery", "Notice", "NoticeRead", "Receiver"]
