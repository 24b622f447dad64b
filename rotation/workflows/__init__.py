"""One file a workflow: a readable list of steps."""

from rotation.workflows.check_identity import CHECK_IDENTITY
from rotation.workflows.count_sessions import COUNT_SESSIONS
from rotation.workflows.emergency_rotation import EMERGENCY_ROTATION
from rotation.workflows.retire_credential import RETIRE_CREDENTIAL
from rotation.workflows.rotate_credential import ROTATE_CREDENTIAL
from rotation.workflows.rotate_server_admin import ROTATE_SERVER_ADMIN

WORKFLOWS = (
    ROTATE_CREDENTIAL,
    RETIRE_CREDENTIAL,
    EMERGENCY_ROTATION,
    ROTATE_SERVER_ADMIN,
    COUNT_SESSIONS,
    CHECK_IDENTITY,
)
