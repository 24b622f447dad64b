"""The samples' table, a partition a day, and who may make and drop partitions."""

from django.conf import settings
from django.db import migrations

# The key begins with the slot: what comes in is of the same hour, so that the part of the index in use stays small.
TABLE = """
CREATE TABLE placement_sample (
    slot timestamptz NOT NULL,
    meter_id integer NOT NULL,
    vcores real,
    iops real,
    log_mbps real,
    workers real,
    sessions real,
    bytes real,
    busy_percent real,
    PRIMARY KEY (slot, meter_id)
) PARTITION BY RANGE (slot);
ALTER TABLE placement_profile ALTER COLUMN packed SET STORAGE EXTERNAL;
"""

PARTITIONS = """
CREATE FUNCTION ensure_sample_partitions(first date, last date) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    day date;
    part text;
    made integer := 0;
BEGIN
    FOR day IN SELECT generate_series(first, last, interval '1 day')::date LOOP
        part := 'placement_sample' || to_char(day, '"_"YYYY"_"MM"_"DD');
        IF to_regclass(part) IS NULL THEN
            PERFORM pg_advisory_xact_lock(hashtext('placement_sample partitions'));
            IF to_regclass(part) IS NULL THEN
                EXECUTE format('CREATE TABLE %I PARTITION OF placement_sample FOR VALUES FROM (%L) TO (%L)',
                    part, day, day + 1);
                made := made + 1;
            END IF;
        END IF;
    END LOOP;
    RETURN made;
END $$;
CREATE FUNCTION drop_sample_partitions(before date) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    part text;
    dropped integer := 0;
BEGIN
    FOR part IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'placement_sample'::regclass
            AND to_date(right(c.relname, 10), 'YYYY_MM_DD') < before LOOP
        EXECUTE format('DROP TABLE %I', part);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END $$;
REVOKE ALL ON FUNCTION ensure_sample_partitions(date, date) FROM PUBLIC;
REVOKE ALL ON FUNCTION drop_sample_partitions(date) FROM PUBLIC;
"""

BACK = """
DROP FUNCTION ensure_sample_partitions(date, date);
DROP FUNCTION drop_sample_partitions(date);
"""


def grant(apps, schema_editor):
    role = schema_editor.quote_name(settings.APPLICATION_ROLE)
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [settings.APPLICATION_ROLE])
        if cursor.fetchone() is None:
            return
        cursor.execute(f"GRANT EXECUTE ON FUNCTION ensure_sample_partitions(date, date) TO {role}")
        cursor.execute(f"GRANT EXECUTE ON FUNCTION drop_sample_partitions(date) TO {role}")


class Migration(migrations.Migration):
    dependencies = [("placement", "0001_meters_and_profiles"), ("operations", "0003_rights")]
    operations = [
        migrations.RunSQL(TABLE, "DROP TABLE placement_sample"),
        migrations.RunSQL(PARTITIONS, BACK),
        migrations.RunPython(grant, migrations.RunPython.noop),
    ]
