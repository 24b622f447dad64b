"""Settings of the test run: the product's own, in the environment `test`.

The database's address comes with the first test that asks for it (conftest.py); messages stay in memory unless a test
asks for a broker.
"""

import os

os.environ.setdefault("SPP_ENVIRONMENT", "test")

from controlplane.settings import *  # noqa: F403

WHITENOISE_AUTOREFRESH = True  # static files are found when asked for: to read all takes each new client a while
