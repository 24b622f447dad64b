"""How Celery behaves: messages are hints, a lost or doubled one changes nothing but delay. Part of settings.py.

Where the broker is stands there; what is here holds for every broker and in every environment.
"""

from __future__ import annotations

from controlplane.env import env_int

CELERY_TASK_IGNORE_RESULT = True  # PostgreSQL holds the results
CELERY_TASK_SERIALIZER = CELERY_RESULT_SERIALIZER = CELERY_EVENT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]  # pickle would let whoever writes to the broker run code here
CELERY_TIMEZONE = "UTC"  # no hour that comes twice or never
CELERY_TASK_ACKS_LATE = True  # with the next line: a killed child's message comes back; late alone still loses it
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_ACKS_ON_FAILURE_OR_TIMEOUT = True  # an exception ends the message; the row's due time is the retry
CELERY_TASK_TIME_LIMIT = 120  # seconds; kills the child, a step needs < 30
CELERY_TASK_SOFT_TIME_LIMIT = 90  # below the hard limit, or it never comes
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 2, "interval_start": 0, "interval_step": 0.2, "interval_max": 0.2}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # the default gives up after 100 tries
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # Longer than hard limit + soft shutdown, far below the default hour. The shortest of all clients wins, so every
    # process, web and beat too, reads it from here.
    "visibility_timeout": env_int("BROKER_VISIBILITY_TIMEOUT_SECONDS", 300, minimum=1),
    # The sweep for unacknowledged messages runs each 5 s; by default each 100 s whatever the timeout above.
    "unacked_restore_interval": env_int("BROKER_RESTORE_INTERVAL_SECONDS", 5, minimum=1),
    "unacked_restore_throttle": 1,
    # Without these a frozen broker blocks whoever publishes for ever.
    "socket_timeout": 10,
    "socket_connect_timeout": 5,
    "socket_keepalive": True,
    "health_check_interval": 10,
}
CELERY_TASK_DEFAULT_QUEUE = CELERY_TASK_DEFAULT_ROUTING_KEY = "maintenance"
# Declared in controlplane/celery.py. `advance`, `observe` and `notify` wait for HTTP: workers with threads. `isolated`
# signs in over TDS, which may hang, and computes; `maintenance` sweeps: with processes. Who takes which: docs/workers.md.
QUEUES = ("advance", "isolated", "observe", "notify", "maintenance")
CELERY_TASK_CREATE_MISSING_QUEUES = False  # a typo in a route would otherwise make a queue that nobody reads
CELERY_TASK_ROUTES = {
    "operations.tasks.advance_*": {"queue": "advance"},
    "provisioning.tasks.observe*": {"queue": "observe"},
    "provisioning.tasks.watch_keys": {"queue": "observe"},
    "notifications.tasks.deliver*": {"queue": "notify"},
}
CELERY_WORKER_DIRECT = True  # each worker has a queue of its own too, for its canary
CELERY_WORKER_PREFETCH_MULTIPLIER = env_int("WORKER_PREFETCH", 4, minimum=1)  # prefetched = invisible to other workers
CELERY_WORKER_MAX_TASKS_PER_CHILD = 2000  # backstop against leaks
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 400_000  # KiB
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = env_int("WORKER_SHUTDOWN_SECONDS", 30)  # unacknowledged messages go back first
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True  # they could not be acknowledged and would run twice
CELERY_WORKER_ETA_TASK_LIMIT = 1000  # we send none; the fuse against memory filled by them
CELERY_WORKER_SEND_TASK_EVENTS = False  # broker load, and where stalls hid
CELERY_WORKER_HIJACK_ROOT_LOGGER = False  # logs.py decides the format
CELERY_DB_REUSE_MAX = 100  # else a new PostgreSQL backend for each task (4.8 ms of server CPU instead of 0.17)
CELERY_BEAT_SCHEDULER = "controlplane.beat:LeaderScheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 1  # seconds; also how fast another beat takes over
