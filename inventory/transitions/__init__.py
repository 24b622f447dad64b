"""What a database can be, and which single changes of it Azure knows: one explicit table, and the shortest way through it.

Pure: no rows, no clock. Sources are Microsoft's documents by page name.
"""

from inventory.transitions.refusals import Circumstances, Refusal
from inventory.transitions.routes import Route, Step, route, way_back
from inventory.transitions.state import Backup, Encryption, Home, Replication, State, Tier
from inventory.transitions.table import TABLE, Row, StepKind

__all__ = [
    "TABLE",
    "Backup",
    "Circumstances",
    "Encryption",
    "Home",
    "Refusal",
    "Replication",
    "Route",
    "Row",
    "State",
    "Step",
    "StepKind",
    "Tier",
    "route",
    "way_back",
]
