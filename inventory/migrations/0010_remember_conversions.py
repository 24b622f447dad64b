from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("inventory", "0009_how_full_a_pool_is")]

    operations: ClassVar = [
        migrations.AddField(
            "database",
            "converted_at",
            models.DateTimeField(null=True, help_text="When it became Hyperscale by conversion; empty: created so."),
        ),
        migrations.AddField(
            "database",
            "return_alerted_days",
            models.PositiveSmallIntegerField(
                null=True, help_text="The last threshold before the end of the way back that its owner was told of."
            ),
        ),
    ]
