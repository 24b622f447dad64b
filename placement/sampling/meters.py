"""Which pools and databases are sampled: rows kept equal to the inventory, set-based."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection, transaction

from placement.sampling.slots import SLOT_SECONDS, SLOTS_AN_HOUR, slot_of

FIRST_LOOK_BACK = timedelta(hours=1)

# What is there by our own inventory, and what Azure calls it.
PRESENT = """
WITH present AS (
    SELECT 'pool' AS kind, p.id AS resource, s.subscription_id, s.region_id AS region,
        format('/subscriptions/%%s/resourceGroups/%%s/providers/Microsoft.Sql/servers/%%s/elasticPools/%%s',
            s.subscription_id, s.resource_group, s.azure_name, p.azure_name) AS arm_id,
        p.service_tier, p.family, p.vcores::float8 AS vcores, 1::float8 AS share
    FROM inventory_elasticpool p JOIN inventory_sqlserver s ON s.id = p.server_id
    WHERE p.status IN ('ready', 'updating')
    UNION ALL
    SELECT 'database', d.id, s.subscription_id, s.region_id,
        format('/subscriptions/%%s/resourceGroups/%%s/providers/Microsoft.Sql/servers/%%s/databases/%%s',
            s.subscription_id, s.resource_group, s.azure_name, d.azure_name),
        coalesce(p.service_tier, d.service_tier), coalesce(p.family, 'Gen5'),
        coalesce(p.vcores, d.vcores, 1)::float8, coalesce(nullif(p.per_database_max_vcores, 0) / p.vcores, 1)
    FROM inventory_database d JOIN inventory_sqlserver s ON s.id = d.server_id
    LEFT JOIN inventory_elasticpool p ON p.id = d.pool_id
    WHERE d.status IN ('ready', 'updating')
)
"""
CHANGE = (
    PRESENT
    + """
UPDATE placement_meter m SET (subscription_id, region, arm_id, service_tier, family, vcores, share, ended_at,
        sampled_until, due_at) = (p.subscription_id, p.region, p.arm_id, p.service_tier, p.family, p.vcores, p.share, NULL,
        CASE WHEN m.ended_at IS NULL THEN m.sampled_until ELSE greatest(m.sampled_until, %(since)s) END,
        CASE WHEN m.ended_at IS NULL THEN m.due_at ELSE %(now)s END)
FROM present p WHERE p.resource = m.resource AND (m.ended_at IS NOT NULL
    OR (m.arm_id, m.subscription_id, m.region, m.service_tier, m.family, m.vcores, m.share)
        IS DISTINCT FROM (p.arm_id, p.subscription_id, p.region, p.service_tier, p.family, p.vcores, p.share))
"""
)
MISSING = (
    PRESENT
    + "SELECT resource FROM present p WHERE NOT EXISTS (SELECT FROM placement_meter m WHERE m.resource = p.resource)"
)
ADD = (
    PRESENT
    + """
INSERT INTO placement_meter (kind, resource, subscription_id, region, arm_id, service_tier, family, vcores, share,
    every_seconds, is_hot, sampled_until, due_at)
SELECT p.*, CASE p.kind WHEN 'pool' THEN 300 ELSE 3600 END, false, %(since)s, %(now)s
FROM present p WHERE resource = ANY(%(missing)s::uuid[])
ORDER BY p.subscription_id, p.region, p.kind, p.resource
"""
)
END = (
    PRESENT
    + """
UPDATE placement_meter m SET ended_at = %(now)s, is_hot = false
WHERE ended_at IS NULL AND NOT EXISTS (SELECT FROM present p WHERE p.resource = m.resource)
"""
)
LOCK = 0x5A3E  # one tends at a time: two would add the same meter


def tend(now: datetime) -> int:
    """Add meters for what is new, follow what moved or was resized, end those of what is gone. Returns how many rows changed.

    `now` is Azure's. A new one begins an hour back. Databases are looked at as often as the pool they stand in is hot.
    """
    since = (now - FIRST_LOOK_BACK).replace(minute=(now.minute // 5) * 5, second=0, microsecond=0)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        cursor.execute(MISSING, [])
        missing = ",".join(str(resource) for (resource,) in cursor.fetchall())
        changed = 0
        for statement in (CHANGE, *((ADD,) if missing else ()), END, FOLLOW):
            cursor.execute(statement, {"now": now, "since": since, "missing": f"{{{missing}}}"})
            changed += cursor.rowcount
    return changed


# A pool is hot while one of three slots in the last quarter of an hour comes near a limit, until a whole hour was calm.
HOT = """
WITH busy AS (
    SELECT m.id, max(s.busy_percent) FILTER (WHERE s.slot IN ({quarter})) >= %(hot)s AS heats,
        max(s.busy_percent) < %(calm)s AS cools
    FROM placement_meter m JOIN placement_sample s ON s.meter_id = m.id AND s.slot IN ({hour})
    WHERE m.kind = 'pool' AND m.ended_at IS NULL AND m.subscription_id = %(subscription)s AND m.region = %(region)s
    GROUP BY m.id
)
UPDATE placement_meter m SET is_hot = coalesce(heats, false) FROM busy
WHERE busy.id = m.id AND ((NOT is_hot AND heats) OR (is_hot AND cools))
"""
FOLLOW = """
UPDATE placement_meter m SET every_seconds = wanted.every,
    due_at = CASE wanted.every WHEN 300 THEN least(m.due_at, %(now)s) ELSE m.due_at END
FROM (
    SELECT member.id, CASE WHEN pool.is_hot THEN 300 ELSE 3600 END AS every
    FROM placement_meter member JOIN inventory_database d ON d.id = member.resource
    LEFT JOIN placement_meter pool ON pool.resource = d.pool_id AND pool.ended_at IS NULL
    WHERE member.kind = 'database' AND member.ended_at IS NULL AND (pool.is_hot OR member.every_seconds = 300)
) wanted
WHERE m.id = wanted.id AND m.every_seconds <> wanted.every
"""


def note_hot_pools(subscription_id: str, region: str, *, now: datetime, hot_percent: float, calm_percent: float) -> int:
    """Have the databases of pools that come near a limit looked at every five minutes, of others once an hour.

    Returns how many pools changed. Percentages are of the pool's own limits, the nearest one.
    """
    asked: dict[str, str | float] = {
        "subscription": subscription_id,
        "region": region,
        "hot": hot_percent,
        "calm": calm_percent,
    }
    hour = [f"to_timestamp({(slot_of(now) - ago) * SLOT_SECONDS})" for ago in range(1, SLOTS_AN_HOUR + 1)]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(HOT.format(hour=", ".join(hour), quarter=", ".join(hour[:3])), asked)
        changed = int(cursor.rowcount)
        if changed:
            cursor.execute(FOLLOW, {"now": now})
    return changed
