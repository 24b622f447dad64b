"""The inbox: what members of a workspace can read, and who has read it."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from inventory.models import Workspace
from inventory.selectors import Viewer, workspaces_for
from notifications.models import Notice, NoticeRead

LARGEST_MARK = 10_000


def notices_for(viewer: Viewer, *, reader: str) -> QuerySet[Notice]:
    """Notices of workspaces that the viewer may know of, newest first; who sees everything sees the fleet's own too.

    `is_read` says whether this reader has read it.
    """
    theirs = Q(workspace__in=workspaces_for(viewer))
    if viewer.sees_everything:
        theirs |= Q(workspace__isnull=True)
    read = NoticeRead.objects.filter(notice=OuterRef("pk"), reader=reader)
    rows = Notice.objects.filter(theirs).annotate(is_read=Exists(read)).select_related("workspace")
    return rows.order_by("-created_at", "-id")


@transaction.atomic
def mark_read(viewer: Viewer, *, reader: str, workspace: Workspace | None, ids: list[UUID] | None = None) -> int:
    """The reader has read these, or all of a workspace's (or the fleet's). Returns how many were unread.

    Ids that the viewer may not know of are passed over like those that do not exist.
    """
    unread_by = ~Exists(NoticeRead.objects.filter(notice=OuterRef("pk"), reader=reader))
    rows = notices_for(viewer, reader=reader).filter(unread_by, workspace=workspace)
    if ids is not None:
        rows = rows.filter(pk__in=ids)
    unread = [NoticeRead(notice_id=pk, reader=reader) for pk in rows.values_list("pk", flat=True)[:LARGEST_MARK]]
    NoticeRead.objects.bulk_create(unread, ignore_conflicts=True)
    return len(unread)
