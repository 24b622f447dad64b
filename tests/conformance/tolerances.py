"""Every leniency of the comparison in one table: what is let pass, and why that is right."""

from __future__ import annotations

import re
from dataclasses import dataclass

OPAQUE = re.compile(r"[A-Za-z0-9_+/=-]{100,}")
GUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
HEX32 = re.compile(r"(?<![0-9a-fA-F])[0-9a-f]{32}(?![0-9a-fA-F])")
MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?")
FILE_TIME = re.compile(r"(?<=,)1[23]\d{16}$")


@dataclass(frozen=True)
class Tolerance:
    """`names` are the headers or the last parts of body paths that it is about."""

    name: str
    reason: str
    names: frozenset[str] = frozenset()


IDENTITIES = Tolerance(
    "identities",
    "Ids, versions and moments are drawn anew by each cloud: the form must be the same, and an id that a recording "
    "repeats must be repeated here.",
)
TRANSPORT = Tolerance(
    "transport",
    "Headers of the web server's version and of the wire, which differ between recordings of the same call.",
    frozenset(
        {
            "content-length",
            "transfer-encoding",
            "connection",
            "keep-alive",
            "date",
            "x-powered-by",
            "x-aspnet-version",
            "content-encoding",
            "x-ms-keyvault-network-info",
            "x-msedge-ref",
            "x-cache",
            "x-ms-operation-identifier",
            "x-ms-throttling-version",
            "mise-correlation-id",
            "set-cookie",
            "content-security-policy",
            "preloadmodules",
            "x-ms-request-charge",
            "x-ms-arm-service-request-id",
            "x-ms-client-request-id",
            "p3p",
            "x-ms-ests-server",
            "server",
            "vary",
            "preference-applied",
        }
    ),
)
STRIPPED = Tolerance("stripped", "A recorder's own list of headers that it dropped: their absence proves nothing.")
VARYING = Tolerance(
    "varying",
    "Numbers of the server's software, quotas left and the text of a challenge: presence is compared, not the value.",
    frozenset(
        {
            "content-type",
            "x-ms-request-id",
            "x-ms-correlation-request-id",
            "x-ms-routing-request-id",
            "www-authenticate",
            "azure-asyncoperation",
            "location",
            "x-ms-keyvault-service-version",
            "x-ms-keyvault-region",
            "etag",
            "x-ms-ratelimit-remaining-subscription-reads",
            "x-ms-ratelimit-remaining-subscription-writes",
            "x-ms-ratelimit-remaining-subscription-deletes",
            "x-ms-ratelimit-remaining-subscription-resource-requests",
        }
    ),
)
RETRY_AFTER = Tolerance(
    "retry-after", "Any of the values recorded for such a call: recordings disagree on their order."
)
YOUNG = Tolerance(
    "young",
    "Recordings of the same call show these or not, as the first backup or the age of the service had it.",
    frozenset({"earliestRestoreDate", "currentSku", "readReplicaCount"}),
)
GROWN = Tolerance(
    "grown",
    "Properties that Azure added later under the same api-version: this simulator shows them, older recordings lack them.",
    frozenset({"minimalTlsVersion", "type", "isCancellable", "zoneRedundant"}),
)
WORDING = Tolerance(
    "wording",
    "Sentences for people; the code beside them is compared.",
    frozenset({"message", "errorDescription", "description", "operationFriendlyName", "localizedValue"}),
)
CATALOGUE = Tolerance(
    "catalogue",
    "Lists of what Azure sells grow and shrink by region and year: entries of the same name are compared, more or fewer "
    "are no difference.",
    frozenset({"capabilities", "metrics", "metricdefinitions", "metricnamespaces", "usages"}),
)
CONSUMED = Tolerance(
    "consumed",
    "Numbers that come from the test subscription's other contents or from the load.",
    frozenset({"currentValue", "limit", "percentComplete", "cost", "used_bytes"}),
)
TRIMMED = Tolerance("trimmed", "A list that the recording cut short, and says so.")
EXPORTED = Tolerance(
    "opaque",
    "Tokens, key material and backups, which only their maker can read (100 characters and more without a space).",
    frozenset({"nextLink", "$skiptoken"}),
)

OLD_API = Tolerance(
    "old api",
    "2014-04-01 is not served: its writes are said in 2017-10-01-preview, and only the shape of the operation is "
    "compared: 202, an address to poll, what each poll says, and that it ends.",
)
BEFORE_2019 = Tolerance(
    "before 2019",
    "Until then the same api-version named regions for people, gave pools and pooled databases other kinds and skus, "
    "and made a database S0 that asked for no size (the replay asks for S0).",
    frozenset({"kind", "location", "defaultSecondaryLocation", ".sku.name"}),
)
CANARY = Tolerance(
    "canary",
    "Regions that Microsoft keeps for early tests stand for their public neighbours.",
    frozenset({"eastus2euap", "centraluseuap"}),
)
ADDRESSES = Tolerance("addresses", "A local cloud has vaults below another domain and port than Azure's.")
UNSENT = Tolerance(
    "unsent",
    "One recorder kept no request bodies: the replay asks for what the resource then shows.",
)
DELETES = Tolerance("deletes", "Until 2019 deletions counted as writes in the header that tells what is left.")
FAILURES = Tolerance(
    "failures",
    "An operation that failed for want of room in Azure is made to fail, by a fault rule with the recorded code.",
)
ORDER = Tolerance("order", "Some recorders group requests of one URL: the dates of the answers tell the true order.")

TABLE = (
    IDENTITIES,
    TRANSPORT,
    STRIPPED,
    VARYING,
    RETRY_AFTER,
    YOUNG,
    GROWN,
    WORDING,
    CATALOGUE,
    CONSUMED,
    TRIMMED,
    EXPORTED,
    OLD_API,
    BEFORE_2019,
    CANARY,
    ADDRESSES,
    UNSENT,
    DELETES,
    FAILURES,
    ORDER,
)
