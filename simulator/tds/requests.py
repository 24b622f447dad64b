"""What a signed-in client may ask: batches, procedure calls, transactions. Each answer is one message of tokens."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TypeVar

from simulator.tds import tokens
from simulator.tds.engine import SqlSession
from simulator.tds.errors import SqlError
from simulator.tds.execution import Affected, Event, Message
from simulator.tds.rpc import Outcome, PreparedStatements, read_calls, return_values
from simulator.tds.values import ResultSet
from simulator.tds.wire import RESET, RESET_KEEP_TRANSACTION, Cursor, PacketType, ProtocolError, decode
from simulator.tds.wire import Message as Request

Result = TypeVar("Result")

BEGIN_TRANSACTION, COMMIT_TRANSACTION, ROLLBACK_TRANSACTION = 5, 7, 8
AND_BEGIN = 0x01


class Requests:
    """Answers the requests of one session. A severity of 20 and more sets `ended`: send the answer, then close."""

    def __init__(self, session: SqlSession) -> None:
        self._session = session
        self._prepared = PreparedStatements(session)
        self._descriptors = itertools.count(1)
        self._descriptor = 0
        self.ended = False

    def answer(self, request: Request) -> bytes:
        """Raises ProtocolError for a malformed request or one that is not expected."""
        rule = _RULES.get(request.type)
        if rule is None:
            raise ProtocolError("a request of an unknown type")
        prefix = self._reset(request.status)
        try:
            self._session.demand_life()
            return prefix + rule(self, request.body)
        except SqlError as error:
            return prefix + self._refusal(error)

    def _reset(self, status: int) -> bytes:
        if not status & (RESET | RESET_KEEP_TRANSACTION):
            return b""
        self._prepared.forget_all()
        if status & RESET:
            self._session.reset()
            self._descriptor = 0
        return tokens.changed(tokens.RESET_DONE, b"\0", b"\0")

    def _refusal(self, error: SqlError) -> bytes:
        self.ended = self.ended or error.fatal
        return self._error(error) + tokens.done(tokens.DONE, tokens.ERROR)

    def _error(self, error: SqlError) -> bytes:
        self.ended = self.ended or error.fatal
        return tokens.error(error, server=self._session.server.name)

    def batch(self, body: bytes) -> bytes:
        sql = decode(_without_headers(body).rest())
        events, transaction = self._observed(lambda: self._session.run(sql))
        parts = [self._event(event, tokens.DONE) for event in events] or [(b"", tokens.done(tokens.DONE, 0))]
        return transaction + _chained(parts)

    def procedure(self, body: bytes) -> bytes:
        calls = read_calls(_without_headers(body))
        outcomes, transaction = self._observed(lambda: [self._prepared.call(call) for call in calls])
        return transaction + _chained([part for outcome in outcomes for part in self._called(outcome)])

    def _called(self, outcome: Outcome) -> list[tuple[bytes, bytes]]:
        parts = [self._event(event, tokens.DONE_IN_PROCEDURE) for event in outcome.events]
        status = tokens.return_status(0) if not outcome.failed else b""
        end = tokens.done(tokens.DONE_PROCEDURE, tokens.ERROR if outcome.failed else 0)
        return [*parts, (status + return_values(outcome), end)]

    def _event(self, event: Event, done: int) -> tuple[bytes, bytes]:
        """The tokens of one event and the DONE after them, which may be empty."""
        if isinstance(event, ResultSet):
            return tokens.result_set(event), tokens.done(done, tokens.COUNT, len(event.rows), tokens.SELECT_COMMAND)
        if isinstance(event, Affected):
            counted = event.rows is not None
            return b"", tokens.done(done, tokens.COUNT if counted else 0, event.rows or 0)
        if isinstance(event, Message):
            return tokens.information(0, event.text, server=self._session.server.name), tokens.done(done, 0)
        return self._error(event.error), tokens.done(done, tokens.ERROR)

    def _observed(self, run: Callable[[], Result]) -> tuple[Result, bytes]:
        """The result, and the token that tells the client of a transaction begun or ended by statements."""
        overlay = self._session.overlay
        before = overlay.depth
        result = run()
        if bool(before) == bool(overlay.depth):
            return result, b""
        if overlay.depth:
            return result, self._begun()
        return result, self._finished(tokens.ROLLBACK if overlay.rolled_back else tokens.COMMIT)

    def _begun(self) -> bytes:
        self._descriptor = next(self._descriptors)
        return tokens.transaction_changed(tokens.BEGIN, self._descriptor)

    def _finished(self, kind: int) -> bytes:
        descriptor, self._descriptor = self._descriptor, 0
        return tokens.transaction_changed(kind, descriptor)

    def transaction(self, body: bytes) -> bytes:
        """Begin, commit, rollback by the driver. Errors 3902 and 3903 without a transaction."""
        cursor = _without_headers(body)
        request = cursor.number(2)
        if request == BEGIN_TRANSACTION:
            return self._begin() + tokens.done(tokens.DONE, 0)
        if request not in (COMMIT_TRANSACTION, ROLLBACK_TRANSACTION):
            raise ProtocolError("an unknown transaction request")
        ended = self._end(commit=request == COMMIT_TRANSACTION)
        cursor.take(cursor.number(1))
        again = self._begin() if not cursor.ended and cursor.number(1) & AND_BEGIN else b""
        return ended + again + tokens.done(tokens.DONE, 0)

    def _begin(self) -> bytes:
        self._session.overlay.begin()
        return self._begun()

    def _end(self, *, commit: bool) -> bytes:
        overlay = self._session.overlay
        if not overlay.depth:
            number, verb = (3902, "COMMIT") if commit else (3903, "ROLLBACK")
            text = f"The {verb} TRANSACTION request has no corresponding BEGIN TRANSACTION."
            raise SqlError(number, 16, 1, text)
        if not commit:
            overlay.rollback()
            return self._finished(tokens.ROLLBACK)
        overlay.commit()
        return b"" if overlay.depth else self._finished(tokens.COMMIT)

    def attention(self, body: bytes) -> bytes:
        """Requests run to their end before the next byte is read, so there is never anything left to stop."""
        return tokens.done(tokens.DONE, tokens.ATTENTION)


def _without_headers(body: bytes) -> Cursor:
    """Behind ALL_HEADERS: transaction descriptors and notifications are of no use here."""
    cursor = Cursor(body)
    cursor.take(cursor.number(4) - 4)
    return cursor


def _chained(parts: list[tuple[bytes, bytes]]) -> bytes:
    """Every DONE but the last says that more follows."""
    pieces = []
    for place, (body, done) in enumerate(parts):
        last = place == len(parts) - 1
        pieces.append(body + (done if last else _with_more(done)))
    return b"".join(pieces)


def _with_more(done: bytes) -> bytes:
    return done[:1] + bytes((done[1] | tokens.MORE,)) + done[2:]


_RULES: dict[int, Callable[[Requests, bytes], bytes]] = {
    PacketType.BATCH: Requests.batch,
    PacketType.RPC: Requests.procedure,
    PacketType.TRANSACTION: Requests.transaction,
    PacketType.ATTENTION: Requests.attention,
}
