"""Procedure calls of the wire: sp_executesql and prepared statements."""

from __future__ import annotations

from dataclasses import dataclass, field

from simulator.tds import tokens
from simulator.tds.engine import SqlSession
from simulator.tds.errors import SqlError
from simulator.tds.execution import Event, Failed, bind
from simulator.tds.parameters import Parameter, read_parameter
from simulator.tds.tsql.parser import parse_declarations
from simulator.tds.values import Value
from simulator.tds.wire import Cursor

BY_NUMBER = {10: "sp_executesql", 11: "sp_prepare", 12: "sp_execute", 13: "sp_prepexec", 15: "sp_unprepare"}
NUMBERED = 0xFFFF
SEPARATORS = (0x80, 0xFE, 0xFF)


@dataclass(frozen=True, slots=True)
class ProcedureCall:
    name: str
    parameters: tuple[Parameter, ...]


def read_calls(cursor: Cursor) -> list[ProcedureCall]:
    """One or more calls of a single message. Raises ProtocolError when it is malformed."""
    calls = []
    while not cursor.ended:
        length = cursor.number(2)
        name = _numbered(cursor.number(2)) if length == NUMBERED else cursor.text(length)
        cursor.number(2)
        parameters = []
        while not cursor.ended and cursor.peek() not in SEPARATORS:
            parameters.append(read_parameter(cursor))
        if not cursor.ended:
            cursor.number(1)
        calls.append(ProcedureCall(name.lower().rpartition(".")[2], tuple(parameters)))
    return calls


def _numbered(number: int) -> str:
    return BY_NUMBER.get(number, f"procedure {number}")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call did, and the output parameters to send back as (name, number)."""

    events: list[Event]
    outputs: tuple[tuple[str, int], ...] = ()

    @property
    def failed(self) -> bool:
        return any(isinstance(event, Failed) for event in self.events)


@dataclass(slots=True)
class PreparedStatements:
    """The handles of one session."""

    session: SqlSession
    _statements: dict[int, tuple[str, str]] = field(default_factory=dict)
    _last: int = 0

    def forget_all(self) -> None:
        self._statements.clear()

    def call(self, call: ProcedureCall) -> Outcome:
        """Errors 2812 (unknown procedure), 201 (missing argument), 8179 (unknown handle) are among the events."""
        try:
            return self._dispatch(call)
        except SqlError as error:
            return Outcome([Failed(error)])

    def _dispatch(self, call: ProcedureCall) -> Outcome:
        arguments = call.parameters
        if call.name == "sp_executesql":
            return self._run(_text(call, 0), _text(call, 1) if len(arguments) > 1 else "", arguments[2:])
        if call.name == "sp_prepare":
            handle = self._prepare(_text(call, 1), _text(call, 2))
            return Outcome([], ((arguments[0].name, handle),))
        if call.name == "sp_prepexec":
            return self._prepare_and_run(call)
        if call.name == "sp_execute":
            declarations, sql = self._prepared(_handle(call))
            return self._run(sql, declarations, arguments[1:])
        if call.name == "sp_unprepare":
            self._prepared(_handle(call))
            del self._statements[_handle(call)]
            return Outcome([])
        if call.name == "sp_reset_connection":
            self.forget_all()
            self.session.reset()
            return Outcome([])
        raise SqlError(2812, 16, 62, f"Could not find stored procedure '{call.name}'.")

    def _prepare_and_run(self, call: ProcedureCall) -> Outcome:
        """A handle that comes in is the old one, to be freed."""
        declarations, sql = _text(call, 1), _text(call, 2)
        self._statements.pop(_handle(call), None)
        handle = self._prepare(declarations, sql)
        outcome = self._run(sql, declarations, call.parameters[3:])
        return Outcome(outcome.events, ((call.parameters[0].name, handle),))

    def _prepare(self, declarations: str, sql: str) -> int:
        self._last += 1
        self._statements[self._last] = (declarations, sql)
        return self._last

    def _prepared(self, handle: int) -> tuple[str, str]:
        if handle not in self._statements:
            raise SqlError(8179, 16, 2, f"Could not find prepared statement with handle {handle}.")
        return self._statements[handle]

    def _run(self, sql: str, declarations: str, values: tuple[Parameter, ...]) -> Outcome:
        given: list[tuple[str, Value]] = [(value.name, value.value) for value in values]
        return Outcome(self.session.run(sql, bind(parse_declarations(declarations), given)))


def _argument(call: ProcedureCall, place: int) -> Value:
    if place >= len(call.parameters):
        raise SqlError(201, 16, 4, f"Procedure or function '{call.name}' expects a parameter which was not supplied.")
    return call.parameters[place].value


def _text(call: ProcedureCall, place: int) -> str:
    value = _argument(call, place)
    return "" if value is None else str(value)


def _handle(call: ProcedureCall) -> int:
    value = _argument(call, 0)
    return value if isinstance(value, int) else 0


def return_values(outcome: Outcome) -> bytes:
    return b"".join(tokens.return_value(name, number) for name, number in outcome.outputs)
