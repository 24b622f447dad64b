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
    "Headers of the wire, of the web server's software and of the caches before it: the same call was recorded with and "
    "without them.",
    frozenset(
        {
            "connection",
            "content-encoding",
            "content-length",
            "date",
            "keep-alive",
            "preference-applied",
            "server",
            "transfer-encoding",
            "vary",
            "x-aspnet-version",
            "x-powered-by",
        }
    ),
)
STRIPPED = Tolerance("stripped", "A recorder's own list of headers that it dropped: their absence proves nothing.")
VARYING = Tolerance(
    "varying",
    "Addresses, ids, software versions, quotas left and challenges: their form is compared (an address without its ids, "
    "a number, the names in a challenge), not their value.",
    frozenset(
        {
            "azure-asyncoperation",
            "content-type",
            "location",
            "www-authenticate",
            "x-ms-correlation-request-id",
            "x-ms-keyvault-service-version",
            "x-ms-ratelimit-remaining-subscription-deletes",
            "x-ms-ratelimit-remaining-subscription-reads",
            "x-ms-ratelimit-remaining-subscription-writes",
            "x-ms-request-id",
            "x-ms-routing-request-id",
        }
    ),
)
RETRY_AFTER = Tolerance(
    "retry-after", "Any of the values recorded for such a call: recordings disagree on their order."
)
YOUNG = Tolerance(
    "young",
    "Recordings of the same call show it or not, as the first backup had it, which Azure takes when it likes.",
    frozenset({"earliestRestoreDate"}),
)
GROWN = Tolerance(
    "grown",
    "Properties that Azure added later under the same api-version: this simulator shows them, older recordings lack them. "
    "One that a recording shows and we lack is a difference.",
    frozenset({"currentSku", "isCancellable", "minimalTlsVersion", "readReplicaCount", "type", "zoneRedundant"}),
)
WORDING = Tolerance(
    "wording",
    "A refusal's sentence for people; the code beside it is compared.",
    frozenset({"message"}),
)
CATALOGUE = Tolerance(
    "catalogue",
    "Which quotas, metrics, api-versions and regions there are changes by year: entries of the same name are compared, "
    "more or fewer are no difference. What a region sells (capabilities) is compared as a whole.",
    frozenset({"metrics", "metricdefinitions", "metricnamespaces", "usages", "register"}),
)
KEYS_OF_THEIR_OWN = Tolerance(
    "thumbprint",
    "A key is made anew for each replay: its thumbprint has the form of the recorded one, 40 hexadecimal digits.",
    frozenset({"thumbprint"}),
)
PEOPLE = Tolerance(
    "people",
    "Recordings were made by somebody signed in, the replay signs in as an application.",
    frozenset({"createdByType", "lastModifiedByType"}),
)
CONSUMED = Tolerance(
    "consumed",
    "Numbers that come from the test subscription's other contents or from the load.",
    frozenset({"currentValue", "limit", "percentComplete"}),
)
TRIMMED = Tolerance("trimmed", "A list that the recording cut short, and says so.")
EXPORTED = Tolerance(
    "opaque",
    "Tokens, key material and backups, which only their maker can read (100 characters and more without a space).",
    frozenset({"nextLink"}),
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
    "Regions that Microsoft keeps for early tests stand for their public neighbours; a database that asks for no size is S0 "
    "there (the replay asks for S0).",
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
    KEYS_OF_THEIR_OWN,
    PEOPLE,
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
