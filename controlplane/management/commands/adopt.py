"""Import servers, pools and databases that exist already; without --apply only told what would become of each."""

from __future__ import annotations

import getpass
import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cloud.errors import CloudError
from provisioning.adoption.importing import adopt
from provisioning.adoption.preview import AdoptionWish, Entry, Verdict, preview
from provisioning.adoption.rules import Claim
from provisioning.errors import WishRefused


class Command(BaseCommand):
    """Shows what would be imported, and what not and why. Nothing in Azure changes, but for tags that --tag asks for."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--subscription", required=True)
        parser.add_argument("--resource-group", required=True)
        parser.add_argument("--server", action="append", default=[], help="only this one; may be repeated")
        parser.add_argument(
            "--claims",
            type=Path,
            help='JSON: {"<database>": {"workspace": "…", "service": "…", "kind": "fhir"}}; others are refused',
        )
        parser.add_argument("--apply", action="store_true", help="import what can be imported")
        parser.add_argument("--tag", action="store_true", help="with --apply: put our tags on what is imported")
        parser.add_argument("--reason", default="", help="with --apply: why; it stands in the audit log")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["apply"] and not options["reason"].strip():
            raise CommandError("Say why with --reason: it is kept in the audit log.")
        wish = _wish(options)
        try:
            entries = self._entries(wish, options)
        except (WishRefused, CloudError) as refusal:
            raise CommandError(str(refusal)) from refusal
        for entry in entries:
            self.stdout.write(_line(entry))
        taken = sum(entry.verdict is Verdict.IMPORT for entry in entries)
        self.stdout.write(f"{taken} {'imported' if options['apply'] else 'would be imported'}, of {len(entries)}.")

    def _entries(self, wish: AdoptionWish, options: dict[str, Any]) -> list[Entry]:
        if not options["apply"]:
            return preview(wish)
        return adopt(wish, actor=f"shell:{getpass.getuser()}", reason=options["reason"], tag=options["tag"])


def _wish(options: dict[str, Any]) -> AdoptionWish:
    """Raises CommandError for claims that cannot be read."""
    try:
        claims = json.loads(options["claims"].read_text()) if options["claims"] else {}
        known = {name.lower(): Claim(**claim) for name, claim in claims.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise CommandError(f"The claims cannot be read: {error}") from error
    servers = frozenset(name.lower() for name in options["server"])
    return AdoptionWish(options["subscription"].lower(), options["resource_group"], servers, known)


def _line(entry: Entry) -> str:
    why = f"  {entry.refusal.code}: {entry.refusal.reason}" if entry.refusal else ""
    return f"{entry.verdict:<8} {entry.kind:<8} {entry.server}/{entry.name}{why}"
