"""Who may ask how often. The rates hold for all web processes together (controlplane/call_rates.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.request import Request
from rest_framework.throttling import AnonRateThrottle, SimpleRateThrottle, UserRateThrottle

from controlplane.call_rates import shares

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which itself asks the settings for its throttles


class SharedRate(SimpleRateThrottle):
    """Counts in PostgreSQL where Django REST framework would count in the process's memory."""

    num_requests: int  # by Django REST framework, from the rate
    duration: int
    _wait = 0.0

    def allow_request(self, request: Request, view: APIView) -> bool:
        caller = self.get_cache_key(request, view)
        if self.rate is None or caller is None:
            return True
        self._wait = shares.take(caller, limit=self.num_requests, seconds=self.duration)
        return not self._wait

    def wait(self) -> float:
        """Seconds until the caller's period is over."""
        return self._wait


class CallerRate(SharedRate, UserRateThrottle):
    """By signed-in caller."""


class AnonymousRate(SharedRate, AnonRateThrottle):
    """By source address, for what needs no token."""


class RefusedSignIns(SharedRate, AnonRateThrottle):
    """Counts refused sign-ins by source address; above the rate they are answered 429 and no longer audited."""

    scope = "refused_sign_ins"
