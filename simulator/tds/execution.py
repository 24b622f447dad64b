"""Running a batch: control flow, variables, transactions; each other statement has its own module."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simulator.tds import changes, definitions, functions, queries, security
from simulator.tds.errors import SqlError
from simulator.tds.evaluation import Evaluator, Scope
from simulator.tds.tsql import syntax, terms
from simulator.tds.tsql.parser import parse, parse_declarations
from simulator.tds.values import ResultSet, Value, convert

if TYPE_CHECKING:
    from simulator.tds.engine import SqlSession

ENDS_BATCH = frozenset({208, 245, 1205})  # errors after which the rest of a batch is not run
DEEPEST_NESTING = 32  # SQL Server's own limit of nested calls


@dataclass(frozen=True, slots=True)
class Affected:
    """Rows changed; None for a statement that counts none."""

    rows: int | None


@dataclass(frozen=True, slots=True)
class Message:
    """PRINT and the like."""

    text: str


@dataclass(frozen=True, slots=True)
class Failed:
    error: SqlError


Event = ResultSet | Affected | Message | Failed


class _EndOfBatch(Exception):
    """The rest of this batch is not to run."""


class Batch:
    """One batch with its variables. Most errors end their statement only, as in SQL Server."""

    def __init__(self, session: SqlSession, variables: dict[str, Value], depth: int = 0) -> None:
        self.session = session
        self.events: list[Event] = []
        self.evaluator = Evaluator(self, variables)
        self.depth = depth
        self._types: dict[str, terms.TypeName] = {}

    def run(self, sql: str) -> list[Event]:
        try:
            self._run_all(parse(sql))
        except SqlError as error:
            self._fail(error)
        except _EndOfBatch:
            pass
        except RecursionError:
            self._fail(SqlError(191, 15, 1, "Some part of your SQL statement is nested too deeply."))
        return self.events

    def call(self, name: str, arguments: list[Value]) -> Value:
        return functions.call(self.session, name, arguments)

    def system_variable(self, name: str) -> Value:
        return functions.system_variable(self.session, name)

    def query(self, select: terms.Select, outer: Scope) -> ResultSet:
        return queries.select(self.session, self.evaluator, select, outer)

    def value(self, expression: terms.Expression) -> Value:
        return self.evaluator.value(expression, Scope())

    def text(self, expression: terms.Expression) -> str:
        value = self.value(expression)
        return "" if value is None else str(value)

    def _run_all(self, statements: tuple[syntax.Statement, ...]) -> None:
        for statement in statements:
            self._run_one(statement)

    def _run_one(self, statement: syntax.Statement) -> None:
        try:
            _RULES[type(statement)](self, statement)
        except SqlError as error:
            self._fail(error)
            if error.number in ENDS_BATCH or error.fatal:
                raise _EndOfBatch from None
        else:
            self.session.last_error = 0

    def _fail(self, error: SqlError) -> None:
        self.session.last_error = error.number
        self.events.append(Failed(error))

    def affected(self, rows: int | None) -> None:
        self.session.row_count = rows or 0
        self.events.append(Affected(rows))

    def select(self, statement: terms.Select) -> None:
        """Error 141 when a select list both assigns and shows."""
        result = self.query(statement, Scope())
        self.session.row_count = len(result.rows)
        assigned = [item.variable for item in statement.items if item.variable]
        if not assigned:
            self.events.append(result)
        elif len(assigned) < len(statement.items):
            raise SqlError(141, 15, 1, "A SELECT statement that assigns a value must not also retrieve data.")
        else:
            for row in result.rows[-1:]:
                for name, value in zip(assigned, row, strict=True):
                    self.set_variable(name, value)
            self.affected(len(result.rows))

    def branch(self, statement: syntax.If) -> None:
        if self.evaluator.truth(statement.condition, Scope()):
            self._run_one(statement.then)
        elif statement.otherwise:
            self._run_one(statement.otherwise)

    def block(self, statement: syntax.Block) -> None:
        self._run_all(statement.statements)

    def declare(self, statement: syntax.Declare) -> None:
        for name, declared, initial in statement.variables:
            self._types[name] = declared
            self.evaluator.variables[name] = convert(self.value(initial), declared) if initial else None

    def assign(self, statement: syntax.Assign) -> None:
        self.set_variable(statement.variable, self.value(statement.value))

    def set_variable(self, name: str, value: Value) -> None:
        """Error 137 for one that was not declared."""
        if name not in self.evaluator.variables:
            raise SqlError(137, 15, 1, f'Must declare the scalar variable "{name}".')
        declared = self._types.get(name)
        self.evaluator.variables[name] = convert(value, declared) if declared else value

    def execute_text(self, statement: syntax.ExecuteText) -> None:
        self._nested(self.text(statement.text), {})

    def execute_procedure(self, statement: syntax.ExecuteProcedure) -> None:
        """sp_executesql, or one of the database's own. Errors 2812 (missing), 229 (no right), 201 (argument missing)."""
        arguments = [(name, self.value(value)) for name, value in statement.arguments]
        if statement.name.name.casefold() == "sp_executesql":
            self.execute_parameterised(arguments)
            return
        procedure = self.session.modules.find(statement.name, self.session.default_schema, "procedure")
        if procedure is None:
            raise SqlError(2812, 16, 62, f"Could not find stored procedure '{statement.name}'.")
        self.session.demand("EXECUTE", procedure.schema, procedure.name)
        bound = bind(procedure.parameters, arguments, procedure=procedure.name)
        with self.session.inside(procedure):
            self._nested(procedure.text, bound)

    def execute_parameterised(self, arguments: list[tuple[str, Value]]) -> None:
        """sp_executesql: the text, the declarations, then values by name or by place. Error 8178 for a missing one."""
        if not arguments:
            raise SqlError(201, 16, 10, "Procedure or function 'sp_executesql' expects parameter '@statement'.")
        declarations = parse_declarations(str(arguments[1][1] or "")) if len(arguments) > 1 else ()
        self._nested(str(arguments[0][1] or ""), bind(declarations, arguments[2:]))

    def _nested(self, sql: str, variables: dict[str, Value]) -> None:
        if self.depth >= DEEPEST_NESTING:
            raise SqlError(217, 16, 1, "Maximum stored procedure nesting level exceeded (limit 32).")
        self.events.extend(Batch(self.session, variables, self.depth + 1).run(sql))

    def transaction(self, statement: syntax.Transaction) -> None:
        """Errors 3902 and 3903 for an end without a beginning."""
        overlay = self.session.overlay
        if statement.action == "begin":
            overlay.begin()
        elif overlay.depth == 0:
            number = {"commit": 3902, "rollback": 3903}[statement.action]
            verb = statement.action.upper()
            text = f"The {verb} TRANSACTION request has no corresponding BEGIN TRANSACTION."
            raise SqlError(number, 16, 1, text)
        elif statement.action == "commit":
            overlay.commit()
        else:
            overlay.rollback()
        self.affected(None)

    def use(self, statement: syntax.Use) -> None:
        """One's own database only: error 40508 for another."""
        if statement.database.casefold() != self.session.database.name.casefold():
            text = (
                "USE statement is not supported to switch between databases. Use a new connection to connect to a "
                "different database."
            )
            raise SqlError(40508, 16, 1, text)
        self.affected(None)

    def print(self, statement: syntax.Print) -> None:
        self.events.append(Message(self.text(statement.text)))

    def kill(self, statement: syntax.Kill) -> None:
        """Errors 6102 (no right), 6104 (oneself), 6106 (no such session)."""
        rights = self.session.rights
        if not rights.allows("KILL DATABASE CONNECTION"):
            raise SqlError(6102, 14, 1, "User does not have permission to use the KILL statement.")
        if statement.session_id == self.session.record.id:
            raise SqlError(6104, 16, 1, "Cannot use KILL to kill your own process.")
        sessions = self.session.directory.sessions
        if not sessions.kill(statement.session_id, database_id=self.session.database.id):
            raise SqlError(6106, 16, 2, f"Process ID {statement.session_id} is not an active process ID.")
        self.affected(None)

    def nothing(self, statement: syntax.NoOperation) -> None:
        self.affected(None)


def bind(
    declarations: tuple[tuple[str, terms.TypeName], ...], values: list[tuple[str, Value]], *, procedure: str = ""
) -> dict[str, Value]:
    """Declared parameters with their values, by name where names are given, else by place. Errors 201 and 8178."""
    by_name = {name.lower(): value for name, value in values if name}
    by_place = [value for name, value in values if not name]
    bound: dict[str, Value] = {}
    for place, (name, declared) in enumerate(declarations):
        if name in by_name:
            bound[name] = convert(by_name[name], declared)
        elif place < len(by_place):
            bound[name] = convert(by_place[place], declared)
        else:
            raise _not_supplied(name, procedure)
    return bound


def _not_supplied(name: str, procedure: str) -> SqlError:
    if procedure:
        text = f"Procedure or function '{procedure}' expects parameter '{name}', which was not supplied."
        return SqlError(201, 16, 4, text)
    return SqlError(8178, 16, 1, f"The parameterized query expects the parameter '{name}', which was not supplied.")


def _demand_writable(session: SqlSession) -> None:
    """Error 3906 on a readable secondary."""
    if session.database.primary_id:
        raise SqlError(
            3906, 16, 2, f'Failed to update database "{session.database.name}" because the database is read-only.'
        )


def _security(run: Callable[[SqlSession, Any], None]) -> Callable[[Batch, Any], None]:
    def rule(batch: Batch, statement: Any) -> None:
        _demand_writable(batch.session)
        run(batch.session, statement)
        batch.affected(None)

    return rule


def _change(run: Callable[[SqlSession, Evaluator, Any], int]) -> Callable[[Batch, Any], None]:
    def rule(batch: Batch, statement: Any) -> None:
        _demand_writable(batch.session)
        batch.affected(run(batch.session, batch.evaluator, statement))

    return rule


_RULES: dict[type, Callable[[Batch, Any], None]] = {
    terms.Select: Batch.select,
    syntax.If: Batch.branch,
    syntax.Block: Batch.block,
    syntax.Declare: Batch.declare,
    syntax.Assign: Batch.assign,
    syntax.ExecuteText: Batch.execute_text,
    syntax.ExecuteProcedure: Batch.execute_procedure,
    syntax.Transaction: Batch.transaction,
    syntax.Use: Batch.use,
    syntax.Print: Batch.print,
    syntax.Kill: Batch.kill,
    syntax.NoOperation: Batch.nothing,
    syntax.CreateUser: _security(security.create_user),
    syntax.AlterUser: _security(security.alter_user),
    syntax.Create: _security(security.create),
    syntax.Drop: _security(security.drop),
    syntax.AlterRole: _security(security.alter_role),
    syntax.Permission: _security(security.permission),
    syntax.CreateTable: _security(changes.create_table),
    **{kind: _security(rule) for kind, rule in definitions.RULES.items()},
    syntax.Insert: _change(changes.insert),
    syntax.Update: _change(changes.update),
    syntax.Delete: _change(changes.delete),
}
