"""No secret reaches the log, whichever way it is written."""

from __future__ import annotations

import logging

import pytest
import structlog

from cloud.secrets import Secret
from controlplane import logs

PASSWORD = "correct-Horse-battery-7"


@pytest.fixture(params=[True, False], ids=["production", "development"])
def written(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]):
    """What reached standard error, by either kind of log."""
    logs.configure(as_json=request.param, level="INFO")
    yield lambda: capsys.readouterr().err
    logs.configure(as_json=False, level="INFO")


def connect(password: str) -> None:
    raise ConnectionError("refused")


def test_a_traceback_shows_no_local_variables(written):
    try:
        connect(PASSWORD)
    except ConnectionError:
        structlog.get_logger("t").exception("sql.failed")
        logging.getLogger("t").exception("sql failed")
    text = written()
    assert "ConnectionError" in text
    assert PASSWORD not in text


def test_values_under_telling_names_are_hidden(written):
    structlog.get_logger("t").info("sql.sign_in", password=PASSWORD, nested={"secret": PASSWORD}, held=Secret(PASSWORD))
    assert PASSWORD not in written()
