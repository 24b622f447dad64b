"""The due moment leaves the index: it changes with every look, and rows with room beside them are then rewritten in place."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("placement", "0002_samples_by_day")]
    operations = [
        migrations.RemoveIndex(model_name="meter", name="meter_by_due"),
        migrations.AddIndex(
            model_name="meter",
            index=models.Index(
                condition=models.Q(("ended_at__isnull", True)),
                fields=["subscription_id", "region", "kind"],
                name="meter_by_group",
            ),
        ),
        migrations.RunSQL(
            "ALTER TABLE placement_meter SET (fillfactor = 50)", "ALTER TABLE placement_meter RESET (fillfactor)"
        ),
    ]
