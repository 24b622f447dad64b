"""Every setting, grouped and explained. Each value is read once, here, from the environment; units stand in the names.

A secret NAME may be given as NAME_FILE instead, the path of a file that holds it.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from controlplane import logs
from controlplane.celery_settings import *  # noqa: F403
from controlplane.console.appearance import UNFOLD  # noqa: F401  (how the console looks)
from controlplane.database_url import django_database, parse_database_url
from controlplane.drift_settings import *  # noqa: F403
from controlplane.env import env_bool, env_float, env_int, env_list, env_moment, env_secret, env_text, is_set
from controlplane.key_settings import *  # noqa: F403
from controlplane.notification_settings import *  # noqa: F403
from controlplane.placement_settings import *  # noqa: F403
from controlplane.sampling_settings import *  # noqa: F403

BASE_DIR = Path(__file__).resolve().parent.parent

# --- Where we are -----------------------------------------------------------------------------------------------------
# `production` refuses unsafe values at start (controlplane/checks.py); `development` is one machine.
ENVIRONMENT = env_text("SPP_ENVIRONMENT", "development", choices=("production", "development", "test"))
IN_PRODUCTION = ENVIRONMENT == "production"
DEPLOYMENT = env_text("SPP_DEPLOYMENT", "local")  # tags all that we create in Azure; unique among deployments
DEBUG = False  # tracebacks belong into the log, also on a developer's machine

# --- Web --------------------------------------------------------------------------------------------------------------
# Absent outside production: sessions then end with the process. Fallbacks stay valid while a new key spreads.
SECRET_KEY = env_secret("SECRET_KEY").reveal() or ("missing" if IN_PRODUCTION else secrets.token_urlsafe(50))
SECRET_KEY_FALLBACKS = [key for key in env_secret("SECRET_KEY_FALLBACKS").reveal().split(",") if key]
ALLOWED_HOSTS = env_list("ALLOWED_HOSTS", () if IN_PRODUCTION else ("localhost", "127.0.0.1", "testserver"))
CSRF_TRUSTED_ORIGINS = env_list("CSRF_TRUSTED_ORIGINS")
CSRF_FAILURE_VIEW = "controlplane.console.foreign_forms.refuse_foreign_form"
ROOT_URLCONF = "controlplane.urls"
WSGI_APPLICATION = "controlplane.wsgi.application"
SECURE_SSL_REDIRECT = env_bool("SECURE_SSL_REDIRECT", IN_PRODUCTION)
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]  # probes of an orchestrator come without TLS
# Only behind a proxy that strips the header from outside; otherwise a client could claim https.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env_bool("BEHIND_TLS_PROXY", False) else None
SECURE_HSTS_SECONDS = env_int("SECURE_HSTS_SECONDS", 31_536_000 if IN_PRODUCTION else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = env_bool("SECURE_COOKIES", IN_PRODUCTION)
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = env_int("SESSION_AGE_SECONDS", 8 * 3600, minimum=60)  # a working day
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576  # requests are small documents
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200

INSTALLED_APPS = [
    "unfold",  # before the admin, whose templates it replaces
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_celery_beat",
    "inventory",
    "operations",
    "notifications",
    "placement",
    "rotation",
    "provisioning",
    "controlplane",
]
MIDDLEWARE = [
    "controlplane.request_ids.RequestIds",  # first: every answer has its id
    "django.middleware.security.SecurityMiddleware",
    "controlplane.plain_text.RefuseNul",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "controlplane.security_headers.ContentSecurityPolicy",
    "controlplane.api.versions.ApiVersions",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
STATIC_URL = "static/"
# Production serves what collectstatic gathered; elsewhere files come from where the packages hold them.
STATIC_ROOT = Path(env_text("STATIC_ROOT", str(BASE_DIR / "staticfiles"))) if IN_PRODUCTION else None
WHITENOISE_USE_FINDERS = not IN_PRODUCTION

LANGUAGE_CODE = "en-us"
USE_TZ = True
TIME_ZONE = "UTC"  # one time everywhere; faces show local time
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 14}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]

# --- REST: access is decided by controlplane/api/access.py, from app roles in the token and membership ----------------
API_AUDIENCE = env_text("API_AUDIENCE", "api://sql-persistence-provider")  # `aud` of tokens for us (v2.0: often a GUID)
# Directories whose tokens we take; an empty list takes none.
API_TENANTS = [tenant.lower() for tenant in env_list("API_TENANTS", [env_text("AZURE_TENANT_ID")]) if tenant]
API_OWNER = env_text("API_OWNER", "the operators of this deployment")  # who answers for the API; told in its document
API_BODY_BYTES = env_int("API_BODY_BYTES", 65_536, minimum=1024)  # the largest request document
WORKSPACE_OPEN_OPERATIONS = env_int("WORKSPACE_OPEN_OPERATIONS", 20_000, minimum=1)  # more are answered 429
API_RETRY_AFTER_SECONDS = env_int("API_RETRY_AFTER_SECONDS", 5, minimum=1)  # told to pollers of operations
REST_FRAMEWORK = {
    "DEFAULT_PERMISSION_CLASSES": ["controlplane.permissions.DenyAll"],  # a view that forgets to say who may is closed
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "EXCEPTION_HANDLER": "controlplane.api.errors.answer_error",
    "URL_FORMAT_OVERRIDE": None,  # `?format=` would be an unknown parameter like any other
    "NUM_PROXIES": env_int("API_PROXIES", 0),  # proxies in front of us; more and callers could claim any address
    "DEFAULT_THROTTLE_CLASSES": ["controlplane.api.throttles.AnonymousRate", "controlplane.api.throttles.CallerRate"],
    "DEFAULT_THROTTLE_RATES": {  # in all web processes together
        "anon": env_text("API_ANONYMOUS_RATE", "60/min"),
        "refused_sign_ins": env_text("API_REFUSED_SIGN_IN_RATE", "60/min"),  # audited up to here, from one address
        "user": env_text("API_CALLER_RATE", "1200/min"),
    },
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "SQL Persistence Provider",
    "VERSION": "v1",
    "DESCRIPTION": "Asks for FHIR and DICOM services with databases of their own, and tells how they are.",
    "OAS_VERSION": "3.1.0",  # its schemas are JSON Schema, so that answers can be checked against them
    "SERVE_INCLUDE_SCHEMA": False,
    "POSTPROCESSING_HOOKS": ["controlplane.api.versions.finish_document"],
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "ResourceStatus": "inventory.states.Status",
        "StateEnum": ["Active", "Overlapping"],
        "ServiceKind": "inventory.models.ServiceInstance.Kind",
        "ReceiverState": "controlplane.api.receivers.STATES",
        "FindingState": "provisioning.models.Finding.State",
        "ProposalState": "provisioning.models.GrowthProposal.State",
        "RebalancePlanState": "placement.models.RebalancePlan.State",
        "PlannedMoveState": "placement.models.PlannedMove.State",
    },
    **dict.fromkeys(("SWAGGER_UI_DIST", "SWAGGER_UI_FAVICON_HREF", "REDOC_DIST"), "SIDECAR"),  # served by ourselves
}

# --- PostgreSQL: the truth --------------------------------------------------------------------------------------------
# Two roles: the owner migrates, the application reads and writes rows and cannot change the audit log or the schema.
DATABASE_ROLE = env_text("DATABASE_ROLE", "application", choices=("application", "owner"))
_LOCAL_DATABASE_URL = "postgresql://spp_app@127.0.0.1:5432/spp"
APPLICATION_ADDRESS = parse_database_url(env_secret("DATABASE_URL", _LOCAL_DATABASE_URL), variable="DATABASE_URL")
OWNER_ADDRESS = (  # only the process that migrates needs to know it
    parse_database_url(env_secret("MIGRATION_DATABASE_URL"), variable="MIGRATION_DATABASE_URL")
    if is_set("MIGRATION_DATABASE_URL")
    else None
)
APPLICATION_ROLE = APPLICATION_ADDRESS.user  # migrations take rights on the audit log from this role
_MIGRATING = DATABASE_ROLE == "owner"
DATABASES = {
    "default": django_database(
        (_MIGRATING and OWNER_ADDRESS) or APPLICATION_ADDRESS,
        limits={
            # A blocking query cannot be interrupted by Celery's soft limit, so PostgreSQL ends it.
            "statement_timeout": 1000 * env_int("DATABASE_STATEMENT_TIMEOUT_SECONDS", 600 if _MIGRATING else 30),
            # A migration that waits for a lock makes everybody behind it wait: it gives up soon and is started again.
            "lock_timeout": 1000 * env_int("DATABASE_LOCK_TIMEOUT_SECONDS", 2 if _MIGRATING else 10),
            "idle_in_transaction_session_timeout": 60_000,
        },
    )
}

# --- Celery: how it behaves stands in celery_settings.py -------------------------------------------------------------
BROKER_URL = env_secret("BROKER_URL", "memory://" if ENVIRONMENT == "test" else "redis://127.0.0.1:6379/0").reveal()
CELERY_BROKER_URL = BROKER_URL  # redis:// or rediss:// also for Valkey: Celery knows no valkey://

# --- Operations: leases, batches and how often to look ----------------------------------------------------------------
OPERATIONS_LEASE_SECONDS = env_int("OPERATIONS_LEASE_SECONDS", 90, minimum=2)  # a dead worker's row is free after it
# A call outside starts only while this much of the lease is left: connect 5 s, 25 s for the rest, 5 s to write it down.
OPERATIONS_CALL_RESERVE_SECONDS = env_int("OPERATIONS_CALL_RESERVE_SECONDS", 35, minimum=1)
OPERATIONS_TASK_SECONDS = env_int("OPERATIONS_TASK_SECONDS", 20, minimum=1)  # then the task sends a new hint and ends
OPERATIONS_BATCH_LOOKS = env_int("OPERATIONS_BATCH_LOOKS", 50, minimum=1)  # rows that share one transaction
# Rows claimed together and worked on one by one; few, since whoever comes next waits for them.
OPERATIONS_BATCH_ACTS = env_int("OPERATIONS_BATCH_ACTS", 2, minimum=1)
LANE_QUEUES = {
    "rows": "advance",
    "azure": "advance",
    "sql": "isolated",
    "compute": "isolated",
}  # operations.workflow.Lane
WORKER_LANES = env_list("WORKER_LANES", tuple(LANE_QUEUES))  # the lanes whose steps this process claims
COUNTS_EVERY_SECONDS = env_float("COUNTS_EVERY_SECONDS", 2.0)  # how often a worker's counts go to PostgreSQL, at most
LOOK_AGAIN_SECONDS = env_float("LOOK_AGAIN_SECONDS", 60.0)  # a waiting operation is woken; this is for a lost call
# An exclusive lock that waits for longer lets those behind it pass, and stands in line anew.
LOCK_PATIENCE_SECONDS = env_float("LOCK_PATIENCE_SECONDS", 300.0)
SHORT_WAIT_SECONDS = env_float("SHORT_WAIT_SECONDS", 5.0)  # for settings that Azure applies within seconds
EXAMINE_AFTER_SECONDS = env_float("EXAMINE_AFTER_SECONDS", 900.0)  # no news for so long: read the stored poll URL
OBSERVE_WAITING_SECONDS = env_float("OBSERVE_WAITING_SECONDS", 1.0)  # between two looks at a server in motion, at least
OBSERVE_LONGEST_SECONDS = env_float("OBSERVE_LONGEST_SECONDS", 30.0)  # at most, where nothing has changed for long
OBSERVE_IDLE_SECONDS = env_float("OBSERVE_IDLE_SECONDS", 300.0)  # and of one where nothing is awaited

# --- What we build in Azure -------------------------------------------------------------------------------------------
_GIBIBYTE = 2**30
ELASTIC_POOL_DATABASE_BYTES = env_int("ELASTIC_POOL_DATABASE_GB", 4096, minimum=1) * _GIBIBYTE  # above: Hyperscale
HYPERSCALE_DATABASE_BYTES = env_int("HYPERSCALE_DATABASE_GB", 102_400, minimum=1) * _GIBIBYTE  # above: refused
# Azure allows 5000 databases a server; near it, master and listings get slow (limits of logical servers).
SERVER_DATABASES = env_int("SERVER_DATABASES", 500, minimum=1)
SERVER_VCORES = env_int("SERVER_VCORES", 540, minimum=1)  # Azure's quota a server; pools and single databases share it
# What plans tell until enough operations have run here to know better.
EXPECTED_SERVER_SECONDS = env_float("EXPECTED_SERVER_SECONDS", 90.0)
EXPECTED_POOL_SECONDS = env_float("EXPECTED_POOL_SECONDS", 180.0)
EXPECTED_DATABASE_SECONDS = env_float("EXPECTED_DATABASE_SECONDS", 120.0)
EXPECTED_RESTORE_SECONDS = env_float("EXPECTED_RESTORE_SECONDS", 400.0)
# Of a copy between tiers, until enough of them have run here: what does not depend on the size, and the rate (Azure says:
# typically under a minute a GB).
COPY_BASE_SECONDS = env_float("COPY_BASE_SECONDS", 600.0)
COPY_SECONDS_PER_GB = env_float("COPY_SECONDS_PER_GB", 60.0)
EXPECTED_REMOVAL_SECONDS = env_float("EXPECTED_REMOVAL_SECONDS", 60.0)
EXPECTED_CHANGE_SECONDS = env_float("EXPECTED_CHANGE_SECONDS", 120.0)  # of size or pool, where no data are copied
# Prices of vCores and storage by region, with their date and source; plans say so where one is missing.
PRICES_FILE = env_text("PRICES_FILE", str(BASE_DIR / "provisioning" / "data" / "prices.json"))
EXPECTED_CREDENTIAL_SECONDS = env_float("EXPECTED_CREDENTIAL_SECONDS", 15.0)
CREDENTIAL_DAYS = env_int("CREDENTIAL_DAYS", 90, minimum=1)  # how long a published credential is promised to work
# A replaced credential works for the overlap: longer than consumers' documented cache and pool lifetime together. Then it
# goes as soon as no session uses it any more, at the latest after the drain time.
CREDENTIAL_OVERLAP_SECONDS = env_int("CREDENTIAL_OVERLAP_SECONDS", 12 * 3600, minimum=0)
CREDENTIAL_DRAIN_SECONDS = env_int("CREDENTIAL_DRAIN_SECONDS", 24 * 3600, minimum=0)
CREDENTIAL_LOOK_SECONDS = env_float("CREDENTIAL_LOOK_SECONDS", 900.0)  # between two looks at an overlapping user
ROTATION_DAYS_MINIMUM = 1
# From the oldest credential that a policy allows to its end there must be time for alerts, and to repair what hinders.
ROTATION_DAYS_MAXIMUM = max(CREDENTIAL_DAYS - 31, 1)
ROTATION_DAYS = env_int("ROTATION_DAYS", min(30, ROTATION_DAYS_MAXIMUM), minimum=ROTATION_DAYS_MINIMUM)
ROTATION_CONCURRENCY = env_int("ROTATION_CONCURRENCY", 20, minimum=1)  # scheduled rotations at work at once
SQL_NETWORK_MODE = env_text("SQL_NETWORK_MODE", "firewall", choices=("firewall",))  # named ranges may reach the servers
SQL_FIREWALL_RANGES = [  # first-last address; empty: nobody
    tuple(entry.split("-", 1)) for entry in env_list("SQL_FIREWALL_RANGES", ("127.0.0.1-127.0.0.1",))
]
SQL_ENTRA_ADMIN_LOGIN = env_text("SQL_ENTRA_ADMIN_LOGIN")  # a group of the directory
SQL_ENTRA_ADMIN_OBJECT_ID = env_text("SQL_ENTRA_ADMIN_OBJECT_ID")  # our own identity is in it
SQL_SERVER_IDENTITY_ID = env_text("SQL_SERVER_IDENTITY_ID")  # ARM id; by it servers look names up in the directory

# --- Azure: addresses of the public cloud by default; the simulator differs by these values alone ---------------------
AZURE_AUTHORITY_HOST = env_text("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.com")
AZURE_ARM_URL = env_text("AZURE_ARM_URL", "https://management.azure.com")
AZURE_METRICS_URL = env_text("AZURE_METRICS_URL", "https://{region}.metrics.monitor.azure.com")
AZURE_TENANT_ID = env_text("AZURE_TENANT_ID")
AZURE_CLIENT_ID = env_text("AZURE_CLIENT_ID")
AZURE_CLIENT_SECRET = env_secret("AZURE_CLIENT_SECRET")
AZURE_CLIENT_SECRET_EXPIRES_AT = env_moment("AZURE_CLIENT_SECRET_EXPIRES_AT")  # as Entra ID says; alerts come before it
AZURE_CREDENTIAL = env_text(
    "AZURE_CREDENTIAL", "client_secret", choices=("client_secret", "workload_identity", "managed_identity")
)
AZURE_ARM_SCOPE = env_text("AZURE_ARM_SCOPE", "https://management.azure.com/.default")
AZURE_SUBSCRIPTION_IDS = env_list("AZURE_SUBSCRIPTION_IDS")
AZURE_LOCATIONS = env_list("AZURE_LOCATIONS")
AZURE_VAULT_URL = env_text("AZURE_VAULT_URL")
AZURE_VAULT_SUBSCRIPTION_ID = env_text(  # whose limits the vault shares
    "AZURE_VAULT_SUBSCRIPTION_ID", AZURE_SUBSCRIPTION_IDS[0] if AZURE_SUBSCRIPTION_IDS else ""
)
VAULT_SOFT_DELETE_DAYS = env_int("VAULT_SOFT_DELETE_DAYS", 90)  # the vault's own: how long it keeps what is deleted
AZURE_RATE_SCALE = env_float("AZURE_RATE_SCALE", 1.0, minimum=0.001)  # times Azure's own call rates; ours is a share
AZURE_SQL_HOST = env_text("AZURE_SQL_HOST")  # empty: each server's own name
AZURE_SQL_PORT = env_int("AZURE_SQL_PORT", 1433, minimum=1)
AZURE_SQL_DRIVER = env_text("AZURE_SQL_DRIVER", "auto", choices=("auto", "mssql-python", "python-tds"))
AZURE_CA_FILE = env_text("AZURE_CA_FILE")  # empty: the system's certificates
AZURE_VERIFY_CHALLENGE_RESOURCE = env_bool("AZURE_VERIFY_CHALLENGE_RESOURCE", True)  # false only for vaults on loopback

# --- Time: moved and scaled only by demo, tests and the simulator; production refuses it ------------------------------
CLOCK_SCALE = env_float("CLOCK_SCALE", 1.0)  # business seconds per real second
CLOCK_OFFSET_SECONDS = env_float("CLOCK_OFFSET_SECONDS", 0.0)

# --- Being watched: proofs of life, and figures for Prometheus ----------------------------------------------------------
CANARY_SECONDS = env_float("CANARY_SECONDS", 5.0)  # how often a worker sends itself a task, and beat writes its row
# A canary may wait behind a task of OPERATIONS_TASK_SECONDS and one last call; what takes longer is stuck, and killed.
CANARY_LATE_SECONDS = env_float("CANARY_LATE_SECONDS", 90.0)
BEAT_LATE_SECONDS = env_float("BEAT_LATE_SECONDS", 20.0)
METRICS_TOKEN = env_secret("METRICS_TOKEN")  # empty: loopback only, and nobody in production

# --- Logs -------------------------------------------------------------------------------------------------------------
LOG_LEVEL = env_text("LOG_LEVEL", "INFO", choices=("DEBUG", "INFO", "WARNING", "ERROR"))
LOGGING_CONFIG = None  # logs.configure below replaces Django's own set-up
logs.configure(as_json=IN_PRODUCTION, level=LOG_LEVEL)
