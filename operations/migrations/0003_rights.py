"""What the application's role may not do: change or remove audit events, or move the clocks."""

from django.conf import settings
from django.db import migrations

PROTECTED = """
SELECT c.oid::regclass FROM pg_class c
WHERE c.relname LIKE 'operations\\_audit\\_event%' AND c.relkind IN ('r', 'p')
"""


def take_rights(apps, schema_editor):
    role = schema_editor.quote_name(settings.APPLICATION_ROLE)
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [settings.APPLICATION_ROLE])
        if cursor.fetchone() is None:
            return
        cursor.execute(PROTECTED)
        tables = [row[0] for row in cursor.fetchall()]
        for table in tables:
            cursor.execute(f"REVOKE ALL ON {table} FROM {role}")
        cursor.execute(f"GRANT SELECT, INSERT ON operations_audit_event TO {role}")
        cursor.execute(f"REVOKE ALL ON operations_clock FROM {role}")
        cursor.execute(f"GRANT SELECT ON operations_clock TO {role}")
        cursor.execute(f"GRANT EXECUTE ON FUNCTION ensure_month_partitions(integer) TO {role}")


class Migration(migrations.Migration):
    dependencies = [("operations", "0002_engine")]
    operations = [migrations.RunPython(take_rights, migrations.RunPython.noop)]
