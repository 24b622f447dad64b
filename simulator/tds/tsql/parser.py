"""Batches and statements. A batch is read whole before any of it runs, as SQL Server does."""

from __future__ import annotations

from collections.abc import Callable

from simulator.tds.tsql import definitions, security, tables
from simulator.tds.tsql.expressions import expression, select
from simulator.tds.tsql.reading import Reading
from simulator.tds.tsql.syntax import (
    Assign,
    Block,
    Declare,
    ExecuteProcedure,
    ExecuteText,
    If,
    Kill,
    NoOperation,
    Print,
    Statement,
    Transaction,
    Use,
)
from simulator.tds.tsql.terms import Expression, Select, TypeName

# fmt: off
OPENINGS = (
    "SELECT", "CREATE", "ALTER", "DROP", "GRANT", "DENY", "REVOKE", "INSERT", "UPDATE", "DELETE", "IF", "BEGIN", "END",
    "DECLARE", "SET", "EXEC", "EXECUTE", "COMMIT", "ROLLBACK", "USE", "PRINT", "KILL", "ELSE",
)
# fmt: on


def parse(sql: str) -> tuple[Statement, ...]:
    """The statements of a batch; SqlError 102 (or 103, 105, 113) when the text is wrong or outside the subset."""
    reading = Reading(sql)
    statements = []
    while _skip_separators(reading):
        statements.append(statement(reading))
    return tuple(statements)


def parse_declarations(text: str) -> tuple[tuple[str, TypeName], ...]:
    """The second argument of sp_executesql: `@a int, @b nvarchar(max) OUTPUT`."""
    reading = Reading(text)
    if reading.ended:
        return ()
    return reading.separated(lambda: _declaration(reading))


def _declaration(reading: Reading) -> tuple[str, TypeName]:
    name = _variable(reading)
    declared = name, reading.type_name()
    if not reading.takes("OUTPUT"):
        reading.takes("OUT")
    return declared


def _skip_separators(reading: Reading) -> bool:
    while reading.takes(";"):
        pass
    return not reading.ended


def statement(reading: Reading) -> Statement:
    rule = _RULES.get(reading.token.word)
    if rule is not None:
        return rule(reading)
    if reading.token.kind in ("name", "quoted"):  # a procedure call needs no EXEC at the start of a batch
        return _procedure(reading)
    raise reading.wrong()


def _if(reading: Reading) -> Statement:
    reading.expect("IF")
    condition = expression(reading)
    then = _body(reading)
    if reading.sees(";", "ELSE"):
        reading.next()
    otherwise = _body(reading) if reading.takes("ELSE") else None
    return If(condition, then, otherwise)


def _body(reading: Reading) -> Statement:
    if not _skip_separators(reading):
        raise reading.wrong()
    return statement(reading)


def _begin(reading: Reading) -> Statement:
    reading.expect("BEGIN")
    if reading.takes("TRAN") or reading.takes("TRANSACTION"):
        return Transaction("begin")
    statements = [_body(reading)]
    while _skip_separators(reading) and not reading.sees("END"):
        statements.append(statement(reading))
    reading.expect("END")
    return Block(tuple(statements))


def _end_transaction(reading: Reading) -> Statement:
    commit = reading.next().word == "COMMIT"
    if not (reading.takes("TRAN") or reading.takes("TRANSACTION")):
        reading.takes("WORK")
    return Transaction("commit" if commit else "rollback")


def _declare(reading: Reading) -> Statement:
    reading.expect("DECLARE")
    return Declare(reading.separated(lambda: _declared(reading)))


def _declared(reading: Reading) -> tuple[str, TypeName, Expression | None]:
    name = _variable(reading)
    reading.takes("AS")
    declared = reading.type_name()
    return name, declared, expression(reading) if reading.takes("=") else None


def _variable(reading: Reading) -> str:
    if reading.token.kind != "variable":
        raise reading.wrong()
    return reading.next().text.lower()


def _set(reading: Reading) -> Statement:
    reading.expect("SET")
    if reading.token.kind == "variable":
        name = _variable(reading)
        reading.expect("=")
        return Assign(name, expression(reading))
    reading.name()
    while not reading.ended and not reading.sees(";") and reading.token.word not in OPENINGS:
        reading.next()
    return NoOperation()


def _execute(reading: Reading) -> Statement:
    reading.next()
    if reading.sees("("):
        return ExecuteText(reading.bracketed(lambda: expression(reading))[0])
    return _procedure(reading)


def _procedure(reading: Reading) -> Statement:
    name = reading.object_name()
    if reading.ended or reading.sees(";") or reading.token.word in OPENINGS:
        return ExecuteProcedure(name, ())
    return ExecuteProcedure(name, reading.separated(lambda: _argument(reading)))


def _argument(reading: Reading) -> tuple[str, Expression]:
    name = ""
    if reading.token.kind == "variable" and reading.ahead().text == "=":
        name = _variable(reading)
        reading.expect("=")
    return name, expression(reading)


def _use(reading: Reading) -> Statement:
    reading.expect("USE")
    return Use(reading.name())


def _print(reading: Reading) -> Statement:
    reading.expect("PRINT")
    return Print(expression(reading))


def _kill(reading: Reading) -> Statement:
    reading.expect("KILL")
    return Kill(reading.integer())


def _select(reading: Reading) -> Select:
    return select(reading)


def _create(reading: Reading) -> Statement:
    word = reading.ahead().word
    if word == "TABLE":
        return tables.create(reading)
    if word in definitions.OF_INDEXES or word in definitions.OF_MODULES:
        return definitions.create(reading)
    return security.create(reading)


def _alter(reading: Reading) -> Statement:
    word = reading.ahead().word
    return definitions.alter(reading) if word in ("TABLE", "DATABASE") else security.alter(reading)


def _drop(reading: Reading) -> Statement:
    return definitions.drop_index(reading) if reading.sees("DROP", "INDEX") else security.drop(reading)


_RULES: dict[str, Callable[[Reading], Statement]] = {
    "SELECT": _select,
    "IF": _if,
    "BEGIN": _begin,
    "COMMIT": _end_transaction,
    "ROLLBACK": _end_transaction,
    "DECLARE": _declare,
    "SET": _set,
    "EXEC": _execute,
    "EXECUTE": _execute,
    "USE": _use,
    "PRINT": _print,
    "KILL": _kill,
    "CREATE": _create,
    "ALTER": _alter,
    "DROP": _drop,
    "GRANT": security.permission,
    "DENY": security.permission,
    "REVOKE": security.permission,
    "INSERT": tables.insert,
    "UPDATE": tables.update,
    "DELETE": tables.delete,
}
