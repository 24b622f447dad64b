"""What the control plane refuses, each with a stable code for API and log. Nothing has changed when one is raised."""

from __future__ import annotations


class WishRefused(Exception):
    """The wish cannot be granted."""

    code = "WishRefused"


class UnsupportedServiceKind(WishRefused):
    """Only FHIR and DICOM services keep their data in Azure SQL."""

    code = "UnsupportedServiceKind"


class CastNotSupported(WishRefused):
    """DICOM Cast is an option of a DICOM service that signs in by password."""

    code = "CastNotSupported"


class SizeNotSupported(WishRefused):
    """No tier holds a database of this size."""

    code = "SizeNotSupported"


class TooManyOperations(WishRefused):
    """The workspace has as many open operations as it may have; wait for some to end."""

    code = "TooManyOperations"


class StockExists(WishRefused):
    """There is one stock for each region, kind and tier."""

    code = "StockExists"


class ChangeNotSupported(WishRefused):
    """The service exists with other properties, and this change has no workflow."""

    code = "ChangeNotSupported"


class RotationPolicyNotPossible(WishRefused):
    """Credentials cannot be rotated so seldom, so often, or in such hours."""

    code = "RotationPolicyNotPossible"


class MaintenanceNotPossible(WishRefused):
    """Windows or freezes that cannot be: an unknown time zone, too many, or too long."""

    code = "MaintenanceNotPossible"


class NotWaitingForWindow(WishRefused):
    """Only an operation that waits for a window can be let go on without it."""

    code = "NotWaitingForWindow"


class RegionClosed(WishRefused):
    """The region takes nothing new."""

    code = "RegionClosed"


class IdentityNeeded(WishRefused):
    """Where only Entra may sign in, a service says as whom."""

    code = "IdentityNeeded"


class IdentityNotUsed(WishRefused):
    """The workspace's services sign in by password."""

    code = "IdentityNotUsed"


class EntraOnlyNotPossible(WishRefused):
    """This control plane has no group of the directory to administer such servers."""

    code = "EntraOnlyNotPossible"


class WorkspaceBeingDeleted(WishRefused):
    """The workspace is being removed: it takes nothing new."""

    code = "WorkspaceBeingDeleted"


class UnknownService(WishRefused):
    """The workspace has, and had, no service of this name that can be brought back."""

    code = "ServiceNotFound"


class NameTaken(WishRefused):
    """Another service of this name stands now."""

    code = "ServiceNameTaken"


class ServiceNotDeleted(WishRefused):
    """The service stands: without a moment there is nothing to restore."""

    code = "ServiceNotDeleted"


class ServiceNotReady(WishRefused):
    """Only a service that is ready can be restored to a moment."""

    code = "ServiceNotReady"


class NoConsentNeeded(WishRefused):
    """The operation does not wait for anybody's consent, or is over."""

    code = "NoConsentNeeded"


class ReturnNotPossible(WishRefused):
    """Azure takes a database back from Hyperscale only within 45 days of its conversion, and never one created there."""

    code = "ReturnNotPossible"


class KeyNotAllowed(WishRefused):
    """The text names no key version in a vault that customers may name."""

    code = "KeyNotAllowed"


class VaultFull(WishRefused):
    """As many databases depend on the vault as Azure advises."""

    code = "VaultFull"


class KeyChangeNotPossible(WishRefused):
    """The database has a customer's key already, or has none, or has this very one."""

    code = "KeyChangeNotPossible"


class MoveNotPossible(WishRefused):
    """The database cannot go to that server or pool."""

    code = "MoveNotPossible"


class RestoreWindowPassed(WishRefused):
    """The grace time of what was deleted is over: nobody has a backup of it any more."""

    code = "RestoreWindowPassed"


class PointInTimeOutOfRange(WishRefused):
    """Azure keeps no backup of that moment."""

    code = "PointInTimeOutOfRange"


class UnknownRegion(WishRefused):
    """No region of this name is known here."""

    code = "UnknownRegion"


class WorkspaceGone(WishRefused):
    """The workspace was removed while the wish was on its way."""

    code = "WorkspaceNotFound"


class PoolSizeNotOffered(WishRefused):
    """Azure sells no such pool, or it would not hold what was promised to its databases."""

    code = "PoolSizeNotOffered"


class PoolNotReady(WishRefused):
    """The pool is being made, changed or removed, or has failed."""

    code = "PoolNotReady"


class PoolNotEmpty(WishRefused):
    """Databases stand in the pool, or are on their way there."""

    code = "PoolNotEmpty"
