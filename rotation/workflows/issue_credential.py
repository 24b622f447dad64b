"""An adopted database gets its first credential of ours, because somebody asked for it: staged, set, proved, published."""

from __future__ import annotations

from datetime import timedelta

from operations.models import Operation
from operations.outcomes import END, Next, Outcome
from operations.workflow import Ending, Workflow, acts, decides, signs_in
from rotation import holding, issue
from rotation.names import Purpose
from rotation.targets import active_credential, database_of


@decides
def hold_database(operation: Operation) -> Outcome:
    """Keep the database as it is; one that has a credential needs none."""
    database = database_of(operation)
    if active_credential(database, Purpose.SERVICE) is not None:
        return Next(to=END)
    return holding.hold_database(operation, database)


@acts
def stage_password(operation: Operation) -> Outcome:
    return issue.stage_password(operation, database_of(operation))


@signs_in
def create_user(operation: Operation) -> Outcome:
    return issue.create_user(operation, database_of(operation))


@signs_in
def verify_login(operation: Operation) -> Outcome:
    return issue.verify_login(operation, database_of(operation), set_again="create_user")


@acts
def publish_secret(operation: Operation) -> Outcome:
    return issue.publish_secret(operation, database_of(operation))


def settle(operation: Operation, ending: Ending) -> None:
    """What was published is written down; from here on it is rotated like any other."""
    if ending is Ending.SUCCEEDED and "stable_version" in operation.choices:
        issue.record_issued(operation, database_of(operation))


ISSUE_CREDENTIAL = Workflow(
    kind="issue_credential",
    settle=settle,
    steps=(hold_database, stage_password, create_user, verify_login, publish_secret),
    point_of_no_return="stage_password",
    deadline=timedelta(hours=4),
    indispensable=("stage_password", "create_user", "verify_login", "publish_secret"),
)
