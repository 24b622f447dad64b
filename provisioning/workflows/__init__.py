"""One file a workflow: a readable list of steps."""

from provisioning.workflows.change_backup_storage import CHANGE_BACKUP_STORAGE
from provisioning.workflows.change_database import CHANGE_DATABASE
from provisioning.workflows.claim_database import CLAIM_DATABASE
from provisioning.workflows.convert_back import CONVERT_BACK
from provisioning.workflows.convert_to_hyperscale import CONVERT_TO_HYPERSCALE
from provisioning.workflows.create_database import CREATE_DATABASE
from provisioning.workflows.create_pool import CREATE_POOL
from provisioning.workflows.create_server import CREATE_SERVER
from provisioning.workflows.delete_database import DELETE_DATABASE
from provisioning.workflows.delete_pool import DELETE_POOL
from provisioning.workflows.delete_workspace import DELETE_WORKSPACE
from provisioning.workflows.disable_cmk import DISABLE_CMK
from provisioning.workflows.drain_pool import DRAIN_POOL
from provisioning.workflows.enable_cmk import CHANGE_CMK_KEY, ENABLE_CMK
from provisioning.workflows.forget_database import FORGET_DATABASE
from provisioning.workflows.grow_database import GROW_DATABASE
from provisioning.workflows.move_database import MOVE_DATABASE
from provisioning.workflows.prove_warm_database import PROVE_WARM_DATABASE
from provisioning.workflows.rehome_database import REHOME_DATABASE
from provisioning.workflows.remove_orphan import REMOVE_ORPHAN
from provisioning.workflows.repair_database import REPAIR_DATABASE
from provisioning.workflows.repair_inaccessible import REPAIR_INACCESSIBLE
from provisioning.workflows.repair_pool import REPAIR_POOL
from provisioning.workflows.repair_server import REPAIR_SERVER
from provisioning.workflows.resize_pool import RESIZE_POOL
from provisioning.workflows.restore_database import RESTORE_DATABASE

WORKFLOWS = (
    CREATE_SERVER,
    CREATE_POOL,
    CREATE_DATABASE,
    DELETE_DATABASE,
    DELETE_WORKSPACE,
    RESTORE_DATABASE,
    GROW_DATABASE,
    MOVE_DATABASE,
    REHOME_DATABASE,
    RESIZE_POOL,
    DRAIN_POOL,
    DELETE_POOL,
    FORGET_DATABASE,
    CONVERT_TO_HYPERSCALE,
    CONVERT_BACK,
    CHANGE_BACKUP_STORAGE,
    CHANGE_DATABASE,
    REPAIR_DATABASE,
    REPAIR_POOL,
    REPAIR_SERVER,
    REMOVE_ORPHAN,
    CLAIM_DATABASE,
    PROVE_WARM_DATABASE,
    ENABLE_CMK,
    CHANGE_CMK_KEY,
    DISABLE_CMK,
    REPAIR_INACCESSIBLE,
)
