"""The two clocks, and the month partitions of everything that grows for ever."""

from django.db import migrations

CLOCK = """
CREATE TABLE operations_clock (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    lease_offset interval NOT NULL DEFAULT '0',
    business_offset interval NOT NULL DEFAULT '0'
);
INSERT INTO operations_clock DEFAULT VALUES;
-- Declared stable, so that an index can be searched with its value: within one statement it is asked once.
CREATE FUNCTION operations_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT clock_timestamp() + lease_offset FROM operations_clock $$;
CREATE FUNCTION business_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT clock_timestamp() + business_offset FROM operations_clock $$;
CREATE SEQUENCE outbox_sequence;
"""

CLOCK_BACK = """
DROP FUNCTION operations_now();
DROP FUNCTION business_now();
DROP TABLE operations_clock;
DROP SEQUENCE outbox_sequence;
"""

TABLES = """
CREATE TABLE operations_step_run (
    id uuid NOT NULL,
    started_at timestamptz NOT NULL DEFAULT operations_now(),
    operation_id uuid NOT NULL,
    step text NOT NULL,
    run bigint NOT NULL,
    target text NOT NULL DEFAULT '',
    finished_at timestamptz,
    outcome text NOT NULL DEFAULT '',
    detail text NOT NULL DEFAULT '',
    request_id text NOT NULL DEFAULT '',
    PRIMARY KEY (started_at, id)
) PARTITION BY RANGE (started_at);
CREATE INDEX step_run_by_operation ON operations_step_run (operation_id, started_at);
CREATE INDEX step_run_unfinished ON operations_step_run (operation_id) WHERE finished_at IS NULL;
CREATE TABLE operations_step_run_rest PARTITION OF operations_step_run DEFAULT;

CREATE TABLE operations_audit_event (
    id uuid NOT NULL,
    at timestamptz NOT NULL DEFAULT operations_now(),
    actor text NOT NULL,
    action text NOT NULL,
    target text NOT NULL DEFAULT '',
    workspace text NOT NULL DEFAULT '',
    operation_id uuid,
    request_id text NOT NULL DEFAULT '',
    outcome text NOT NULL DEFAULT 'done',
    before jsonb NOT NULL DEFAULT '{}',
    after jsonb NOT NULL DEFAULT '{}',
    reason text NOT NULL DEFAULT '',
    PRIMARY KEY (at, id)
) PARTITION BY RANGE (at);
CREATE INDEX audit_by_workspace ON operations_audit_event (workspace, at DESC);
CREATE INDEX audit_by_target ON operations_audit_event (target, at DESC);
CREATE INDEX audit_by_operation ON operations_audit_event (operation_id) WHERE operation_id IS NOT NULL;

-- Second line of defence behind the roles' rights: nobody changes what was written, the owner by mistake included.
CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'audit events are append-only' USING ERRCODE = 'insufficient_privilege'; END $$;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON operations_audit_event
    FOR EACH ROW EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON operations_audit_event
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
CREATE TABLE operations_audit_event_rest PARTITION OF operations_audit_event DEFAULT;
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON operations_audit_event_rest
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
"""

TABLES_BACK = """
DROP TABLE operations_step_run;
DROP TABLE operations_audit_event;
DROP FUNCTION audit_is_append_only();
"""

# Makes the partitions of this month and the `ahead` next ones; rows that fell into the rest partition stay there.
PARTITIONS = """
CREATE FUNCTION ensure_month_partitions(ahead integer) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    parent text;
    month timestamptz;
    part text;
    made integer := 0;
    application text := (SELECT grantee FROM information_schema.role_table_grants
        WHERE table_name = 'operations_clock' AND privilege_type = 'SELECT' AND grantee <> current_user LIMIT 1);
BEGIN
    FOREACH parent IN ARRAY ARRAY['operations_step_run', 'operations_audit_event'] LOOP
        FOR step IN 0..ahead LOOP
            month := date_trunc('month', clock_timestamp(), 'UTC') + make_interval(months => step);
            part := parent || to_char(month AT TIME ZONE 'UTC', '"_"YYYY"_"MM');
            IF to_regclass(part) IS NULL THEN
                EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                    part, parent, month, month + interval '1 month');
                IF parent = 'operations_audit_event' THEN
                    EXECUTE format('CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON %I
                        FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()', part);
                    IF application IS NOT NULL THEN  -- reached through the parent only
                        EXECUTE format('REVOKE ALL ON %I FROM %I', part, application);
                    END IF;
                END IF;
                made := made + 1;
            END IF;
        END LOOP;
    END LOOP;
    RETURN made;
END $$;
REVOKE ALL ON FUNCTION ensure_month_partitions(integer) FROM PUBLIC;
SELECT ensure_month_partitions(3);
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.RunSQL(CLOCK, CLOCK_BACK),
        migrations.RunSQL(TABLES, TABLES_BACK),
        migrations.RunSQL(PARTITIONS, "DROP FUNCTION ensure_month_partitions(integer)"),
    ]
