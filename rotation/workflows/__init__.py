"""One file a workflow: a readable list of steps."""

from rotation.workflows.check_identity import CHECK_IDENTITY
from rotation.workflows.count_sessions import COUNT_SESSIONS
from rotation.workflows.emergency_rotation import EMERGENCY_ROTATION
from rotation.workflows.forget_signing_secret import FORGET_SIGNING_SECRET
from rotation.workflows.issue_cast_credential import ISSUE_CAST_CREDENTIAL
from rotation.workflows.issue_credential import ISSUE_CREDENTIAL
from rotation.workflows.retire_credential import RETIRE_CREDENTIAL
from rotation.workflows.revoke_credential import REVOKE_CREDENTIAL
from rotation.workflows.rotate_credential import ROTATE_CREDENTIAL
from rotation.workflows.rotate_server_admin import ROTATE_SERVER_ADMIN
from rotation.workflows.rotate_signing_secret import ROTATE_SIGNING_SECRET

WORKFLOWS = (
    ROTATE_CREDENTIAL,
    RETIRE_CREDENTIAL,
    REVOKE_CREDENTIAL,
    EMERGENCY_ROTATION,
    ROTATE_SERVER_ADMIN,
    COUNT_SESSIONS,
    CHECK_IDENTITY,
    ROTATE_SIGNING_SECRET,
    FORGET_SIGNING_SECRET,
    ISSUE_CREDENTIAL,
    ISSUE_CAST_CREDENTIAL,
)
