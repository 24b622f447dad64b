"""Writes the files that docker-compose.yml hands out as secrets; what is there already is kept.

`python deploy/make_secrets.py` makes passwords and addresses. The client secret of the control plane's own identity in
Entra is yours to put into `deploy/secrets/azure_client_secret`; with `--simulator` it becomes that of the simulator.
The directory is closed to others; the files in it are readable, since containers read them under another user id.
"""

from __future__ import annotations

import secrets
import sys
from pathlib import Path

FOLDER = Path(__file__).with_name("secrets")
ROOT = Path(__file__).parents[1]


def main() -> None:
    FOLDER.mkdir(mode=0o700, exist_ok=True)
    owner, application, valkey = (made(name) for name in ("owner_password", "application_password", "valkey_password"))
    made("postgres_password")
    made("django_secret_key", secrets.token_urlsafe(64))
    made("database_url", f"postgresql://application:{application}@postgres:5432/provider")
    made("owner_url", f"postgresql://owner:{owner}@postgres:5432/provider")
    made("broker_url", f"redis://:{valkey}@valkey:6379/0")
    made("metrics_token")
    made("azure_client_secret", simulated() if "--simulator" in sys.argv[1:] else "")


def made(name: str, text: str | None = None) -> str:
    """The text in the file, which is made where it is missing."""
    file = FOLDER / name
    if not file.exists():
        file.write_text(secrets.token_urlsafe(32) if text is None else text)
        file.chmod(0o644)
    return file.read_text()


def simulated() -> str:
    """The secret that `python -m simulator --seed 1` gives its default application."""
    sys.path.insert(0, str(ROOT))
    from simulator.azure import Azure

    return Azure(seed=1).entra.client_secret


if __name__ == "__main__":
    main()
