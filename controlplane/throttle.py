"""The rate bucket that all workers share, kept in Valkey; while it is away each process has a small one of its own.

Losing what it holds costs at most one 429 more.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import redis
import structlog

from cloud.protocols import CallClass
from cloud.throttle import Bucket, LocalBucket, Rate, Rates, at_least_as_urgent

log = structlog.get_logger(__name__)

LOCAL_SHARE = 0.1  # of the shared rates, for one process while Valkey is away
AWAY_SECONDS = 5.0  # how long nobody asks a Valkey that did not answer
SOCKET_SECONDS = 0.5

_TAKE = """
-- KEYS: bucket, then the closing of each class at least as urgent. ARGV: capacity, calls a second, reserve.
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local wait = 0
for i = 2, #KEYS do
  wait = math.max(wait, tonumber(redis.call('GET', KEYS[i]) or '0') - now)
end
if wait > 0 then return tostring(wait) end
local capacity, rate, reserve = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens, at = tonumber(kept[1] or capacity), tonumber(kept[2] or now)
tokens = math.min(capacity, tokens + math.max(0, now - at) * rate)
local short = reserve + 1 - tokens
if short <= 0 then tokens = tokens - 1 end
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', tostring(now))
redis.call('EXPIRE', KEYS[1], math.ceil(capacity / rate) + 1)
return tostring(math.max(short, 0) / rate)
"""
_CLOSE = """
-- KEYS: the closing of one class. ARGV: seconds. A shorter closing leaves a longer one alone.
local clock = redis.call('TIME')
local till = tonumber(clock[1]) + tonumber(clock[2]) / 1000000 + tonumber(ARGV[1])
if till > tonumber(redis.call('GET', KEYS[1]) or '0') then
  redis.call('SET', KEYS[1], string.format('%.6f', till), 'EX', math.ceil(tonumber(ARGV[1])) + 1)
end
return 1
"""


class ValkeyBucket:
    """`cloud.throttle.Bucket` shared by every process that uses the same Valkey; time is Valkey's own."""

    def __init__(
        self,
        url: str,
        *,
        rates: Rates | None = None,
        fallback: Bucket | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rates = rates or Rates()
        self._fallback = fallback or LocalBucket(_small(self._rates))
        self._now = now
        self._away_until = 0.0
        self._client = redis.Redis.from_url(
            url, socket_timeout=SOCKET_SECONDS, socket_connect_timeout=SOCKET_SECONDS, decode_responses=True
        )
        self._take = self._client.register_script(_TAKE)
        self._close = self._client.register_script(_CLOSE)

    def take(self, subscription_id: str, call_class: CallClass, *, write: bool) -> float:
        rate = self._rates.of(write=write)
        keys = [_key(subscription_id, "write" if write else "read")]
        keys += [_key(subscription_id, f"closed:{one}") for one in at_least_as_urgent(call_class)]
        wait = self._asked(lambda: float(self._take(keys, [rate.capacity, rate.per_second, rate.reserve(call_class)])))
        return self._fallback.take(subscription_id, call_class, write=write) if wait is None else wait

    def close(self, subscription_id: str, call_class: CallClass, seconds: float) -> None:
        self._fallback.close(subscription_id, call_class, seconds)  # known here even if Valkey goes away next
        self._asked(lambda: float(self._close([_key(subscription_id, f"closed:{call_class}")], [seconds])))

    def _asked(self, ask: Callable[[], float]) -> float | None:
        """Valkey's answer, or None while it is away."""
        if self._now() < self._away_until:
            return None
        try:
            return ask()
        except redis.RedisError as error:
            self._away_until = self._now() + AWAY_SECONDS
            log.warning("throttle.shared_bucket_away", error=type(error).__name__)
            return None


def _key(subscription_id: str, name: str) -> str:
    """Braces keep the keys of one subscription on one node of a cluster."""
    return f"spp:throttle:{{{subscription_id.lower()}}}:{name}"


def _small(rates: Rates) -> Rates:
    def small(rate: Rate) -> Rate:
        return Rate(max(rate.capacity * LOCAL_SHARE, 10), rate.per_second * LOCAL_SHARE)

    return Rates(writes=small(rates.writes), reads=small(rates.reads))
