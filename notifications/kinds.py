"""What is told: every kind of event, how grave it is, and its words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any


class Severity(StrEnum):
    """How soon somebody should look: INFO at leisure, WARNING within the day, ERROR now."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Kind:
    """`title` and `text` are filled from an event's facts; one that is missing shows as a dash. `mailed`: part of an e-mail
    receiver that names no kinds."""

    title: str
    text: str
    severity: Severity = Severity.INFO
    mailed: bool = False


INFO, WARNING, ERROR = Severity.INFO, Severity.WARNING, Severity.ERROR
KINDS: dict[str, Kind] = {
    "operation.succeeded": Kind("{kind} has succeeded", "Operation {operation} has ended well.", mailed=True),
    "operation.failed": Kind("{kind} has failed", "Operation {operation} ended with {error}.", ERROR, mailed=True),
    "operation.cancelled": Kind("{kind} was cancelled", "Operation {operation} was cancelled.", mailed=True),
    "operation.needs_attention": Kind(
        "{kind} waits for an operator", "Operation {operation} stands still: {error}.", WARNING, mailed=True
    ),
    "change.scheduled": Kind(
        "{kind} will begin at {opens_at}",
        "Operation {operation} waits for its window: from {opens_at} {until}. It takes about {expected_seconds} seconds, in "
        "which connections may drop.",
        mailed=True,
    ),
    "change.started": Kind(
        "{kind} has begun",
        "Operation {operation} may drop connections from {opens_at} {until}.",
        mailed=True,
    ),
    "change.window_too_short": Kind(
        "{kind} finds no window that is long enough",
        "Operation {operation} takes about {expected_seconds} seconds; the longest window has {longest_seconds}. Widen a "
        "window, or let it start now.",
        WARNING,
        mailed=True,
    ),
    "change.refused": Kind("{kind} was refused", "{reason} ({code})", WARNING, mailed=True),
    "credential.promoted": Kind(
        "A credential was renewed", "Version {version} of the secret {secret} is the one to use.", mailed=False
    ),
    "credential.expiring": Kind(
        "A credential ends in {days} days", "The secret {secret} is valid until {valid_until}.", WARNING, mailed=True
    ),
    "credential.expired": Kind(
        "A credential has ended", "The secret {secret} was valid until {valid_until}.", ERROR, mailed=True
    ),
    "credentials.emergency": Kind(
        "Credentials are replaced in an emergency",
        "Everything of {scope} gets new passwords at once, and sessions end. Reason: {reason}",
        ERROR,
        mailed=True,
    ),
    "database.return_ending": Kind(
        "The way back from Hyperscale ends in {days} days",
        "The database of {service} can go back to General Purpose until {until}; after that Azure offers no way.",
        WARNING,
        mailed=True,
    ),
    "database.endpoint_changed": Kind(
        "The endpoint of a database has changed",
        "The database of {service} is at {endpoint} now; the new version of its secret says so. The old endpoint, "
        "{former_endpoint}, only reads, and ends at {kept_until}, or as soon as the new version is acknowledged.",
        WARNING,
        mailed=True,
    ),
    "growth.proposed": Kind(
        "{name} should grow",
        "{name} will be full in about {days_left} days. Proposal {proposal} gives it more room: accept or dismiss it.",
        mailed=True,
    ),
    "growth.nearing": Kind(
        "{name} will be full in {days_left} days", "Proposal {proposal} gives it more room.", WARNING, mailed=True
    ),
    "growth.urgent": Kind(
        "{name} is full in {days_left} days", "Proposal {proposal} gives it more room. Decide now.", ERROR, mailed=True
    ),
    "growth.accepted": Kind("{name} will grow", "Proposal {proposal} was accepted for later."),
    "growth.begun": Kind("{name} grows", "Proposal {proposal} was accepted and has begun."),
    "growth.not_begun": Kind(
        "{name} cannot grow yet", "Proposal {proposal} cannot begin: {reason}. It is tried again.", WARNING, mailed=True
    ),
    "growth.refused": Kind(
        "{name} cannot grow as proposed",
        "Proposal {proposal} was accepted, and cannot be granted: {reason}. It is open again: decide anew.",
        WARNING,
        mailed=True,
    ),
    "growth.dismissed": Kind("{name} is left as it is", "Proposal {proposal} was dismissed."),
    "growth.withdrawn": Kind("{name} has room", "Proposal {proposal} is not needed any more."),
    "identity.secret_expiring": Kind(
        "Our own client secret ends in {days} days", "It is valid until {ends_at}.", WARNING, mailed=True
    ),
    "identity.secret_expired": Kind("Our own client secret has ended", "It ended at {ends_at}.", ERROR, mailed=True),
    "server.administrator_expiring": Kind(
        "The administrator's password of a server ends in {days} days",
        "Server {server}: it is valid until {ends_at}, and was not renewed in time.",
        WARNING,
        mailed=True,
    ),
    "server.administrator_expired": Kind(
        "The administrator's password of a server has ended",
        "Server {server}: it ended at {ends_at}.",
        ERROR,
        mailed=True,
    ),
    "pool.proposed": Kind("A pool should {step}", "Pool {name}, {vcores} vCores. {because}"),
    "pool.proposal_begun": Kind("A pool is going to {step}", "Pool {name}, {vcores} vCores. {because}"),
    "pool.proposal_dismissed": Kind("A pool is left as it is", "Pool {name} was to {step}. {reason}"),
    "key.lost": Kind(
        "The key of {service} cannot be used",
        "The vault refuses it ({reason}, {code}): {key}. Azure ends sign-ins within 10 minutes and cuts the database off at "
        "{cut_off_at}, in {minutes_left} minutes. Give the key back before that.",
        ERROR,
        mailed=True,
    ),
    "key.still_lost": Kind(
        "The key of {service} still cannot be used",
        "Nobody signs in any more ({reason}, {code}): {key}. Azure cuts the database off at {cut_off_at}, in {minutes_left} "
        "minutes.",
        ERROR,
        mailed=True,
    ),
    "key.cut_off": Kind(
        "The database of {service} is cut off from its key",
        "Its time was over at {cut_off_at} ({reason}, {code}): {key}. Give the key back: the database is then brought back, "
        "without the history of its backups.",
        ERROR,
        mailed=True,
    ),
    "key.back": Kind("The key of {service} works again", "It was lost for {minutes} minutes: {key}.", mailed=True),
    "key.repaired": Kind(
        "The database of {service} is back",
        "Operation {operation} has put its place, tags and retention back; lost is {lost}.",
        WARNING,
        mailed=True,
    ),
    "key.expiring": Kind(
        "The key of {service} expires in {days} days", "{key} is valid until {expires_at}.", WARNING, mailed=True
    ),
    "key.new_version": Kind("The key of {service} has a new version", "{version} of {key}: {how}."),
    "pool.scaled": Kind("A pool has another size", "Pool {pool} went from {before} to {after}."),
    "pool.database_joined": Kind("A database joined a pool", "Database {database} is in pool {pool} now."),
    "pool.database_left": Kind("A database left a pool", "Database {database} is no longer in pool {pool}."),
    "pool.nearly_full": Kind(
        "A pool is nearly full", "Pool {pool} uses {percent} % of its storage.", WARNING, mailed=True
    ),
    "pool.has_room_again": Kind("A pool has room again", "Pool {pool} uses {percent} % of its storage."),
    "warm.halted": Kind(
        "A stock of warm databases is not refilled any more",
        "{failures} makings for the stock {stock} have failed within the hour. Services are created the longer way meanwhile; "
        "let it go on once the cause is gone.",
        WARNING,
        mailed=True,
    ),
    "rebalance.move_planned": Kind(
        "The database of {service} will move to another pool",
        "It moves to spread load, not before {begins_at} and within its window; connections drop once. Until then the move "
        "{move} can be accepted, put off or refused.",
        WARNING,
        mailed=True,
    ),
    "rebalance.move_dropped": Kind(
        "The database of {service} stays where it is", "The move {move} is not made: {reason}", mailed=True
    ),
    "rebalance.moved": Kind("The database of {service} has moved", "The move {move} has ended well.", mailed=True),
    "rebalance.planned": Kind(
        "A plan spreads load in {region}",
        "Plan {plan}: {moves} moves bring what is above the pools' levels from {before} to {after} vCores.",
        mailed=True,
    ),
    "rebalance.measured": Kind(
        "A plan in {region} was measured", "Plan {plan}: {as_predicted} of {pools} pools are as predicted."
    ),
    "rebalance.halted": Kind("Spreading load in {region} was halted", "{reason}", ERROR, mailed=True),
    "receiver.test": Kind("A test", "Somebody asked for this event to see whether it arrives."),
    "receiver.failing": Kind(
        "A receiver of notifications does not answer",
        "Nothing reached {address} since {since}: {error}. It is tried again for {hours} hours in all.",
        WARNING,
        mailed=True,
    ),
    "receiver.gone": Kind(
        "A receiver of notifications is gone",
        "{address} answered 410: it wants nothing any more and is switched off.",
        WARNING,
        mailed=True,
    ),
    "receiver.dead_letters": Kind(
        "Notifications were given up",
        "{count} events for {address} were tried in vain. They are kept, and an operator can send them again.",
        ERROR,
        mailed=True,
    ),
}
# Ends of these are part of something that is told by itself; those who ask for them by a webhook get them all the same.
INNER_WORKINGS = frozenset(
    {
        "rotate_credential",
        "retire_credential",
        "check_identity",
        "count_sessions",
        "rotate_server_admin",
        "rotate_signing_secret",
        "forget_signing_secret",
        "create_server",
        "create_pool",
        "prove_warm_database",
    }
)
QUIET_ENDS = frozenset({"operation.succeeded", "operation.cancelled"})


class _Dashes(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "-"


def kind_of(name: str) -> Kind:
    """The kind of that name; what an older release wrote and nobody knows any more is told by its name alone."""
    return KINDS.get(name) or Kind(name, "")


def is_quiet(name: str, facts: Mapping[str, Any]) -> bool:
    """True for what people need not hear of."""
    return name in QUIET_ENDS and facts.get("kind") in INNER_WORKINGS


def title_of(name: str, facts: Mapping[str, Any]) -> str:
    return kind_of(name).title.format_map(_in_words(facts))


def text_of(name: str, facts: Mapping[str, Any]) -> str:
    return kind_of(name).text.format_map(_in_words(facts))


def _in_words(facts: Mapping[str, Any]) -> _Dashes:
    """An operation's kind as people say it: `grow_database` is `Grow database`. What is told without an end has none."""
    kind = str(facts.get("kind", "-"))
    until = f"to {facts['ends_at']}" if facts.get("ends_at") else "on"
    return _Dashes(
        {**facts, "until": until, "kind": kind.replace("_", " ").capitalize() if kind.isidentifier() else kind}
    )


def matches(name: str, patterns: list[str]) -> bool:
    """Whether a kind is asked for; a pattern may hold stars, and no pattern asks for everything."""
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)
