"""A cursor over tokens: the few moves that every grammar rule is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from simulator.tds.errors import SqlError
from simulator.tds.tsql.lexer import Token, syntax_error, tokenize
from simulator.tds.tsql.terms import ObjectName, TypeName

T = TypeVar("T")

LONGEST_NAME = 128
# fmt: off
RESERVED = frozenset((
    "ADD", "ALL", "ALTER", "AND", "AS", "ASC", "BEGIN", "BY", "COMMIT", "CREATE", "DECLARE", "DELETE", "DENY",
    "DESC", "DISTINCT", "DROP", "ELSE", "END", "EXEC", "EXECUTE", "EXISTS", "FROM", "GRANT", "GROUP", "IF",
    "IN", "INNER", "INSERT", "INTO", "IS", "JOIN", "KILL", "LEFT", "LIKE", "NOT", "NULL", "ON", "OR", "ORDER",
    "PRINT", "PRIMARY", "REVOKE", "ROLLBACK", "SELECT", "SET", "TABLE", "TO", "TOP", "UNION", "UPDATE", "USE",
    "USER", "VALUES", "WHERE", "WITH",
))
# fmt: on


class Reading:
    """Raises SqlError 102 naming the token at hand when the text does not go on as demanded."""

    def __init__(self, sql: str) -> None:
        self._tokens = tokenize(sql)
        self._at = 0

    @property
    def token(self) -> Token:
        return self._tokens[self._at]

    @property
    def ended(self) -> bool:
        return self.token.kind == "end"

    @property
    def at_start(self) -> bool:
        return self._at == 0

    def rest(self) -> str:
        """All that is left, as text without comments; it counts as read."""
        left, self._at = self._tokens[self._at : -1], len(self._tokens) - 1
        return " ".join(token.text for token in left)

    def ahead(self, steps: int = 1) -> Token:
        return self._tokens[min(self._at + steps, len(self._tokens) - 1)]

    def next(self) -> Token:
        token = self.token
        if token.kind != "end":
            self._at += 1
        return token

    def wrong(self) -> SqlError:
        return syntax_error(self.token.text.strip("'") if self.token.kind != "string" else self.token.value)

    def sees(self, *words: str) -> bool:
        """Whether the next tokens are these keywords or symbols; nothing is consumed."""
        return all(self._is(self.ahead(index), word) for index, word in enumerate(words))

    def takes(self, *words: str) -> bool:
        if not self.sees(*words):
            return False
        self._at += len(words)
        return True

    def expect(self, *words: str) -> None:
        for word in words:
            if not self.takes(word):
                raise self.wrong()

    @staticmethod
    def _is(token: Token, word: str) -> bool:
        return token.word == word or (token.kind == "symbol" and token.text == word)

    def name(self) -> str:
        """An identifier; a reserved word only in brackets. Error 103 above 128 characters."""
        token = self.token
        if token.kind == "quoted" or (token.kind == "name" and token.word not in RESERVED):
            if len(token.value) > LONGEST_NAME:
                raise SqlError(
                    103, 15, 4, f"The identifier that starts with '{token.value[:LONGEST_NAME]}' is too long."
                )
            return self.next().value
        raise self.wrong()

    def string(self) -> str:
        """A string literal: DDL takes no variables or parameters."""
        if self.token.kind != "string":
            raise self.wrong()
        return self.next().value

    def integer(self) -> int:
        if self.token.kind != "number" or not self.token.text.isdigit():
            raise self.wrong()
        return int(self.next().text)

    def object_name(self) -> ObjectName:
        parts = [self.name()]
        while self.takes("."):
            parts.append(self.name())
        if len(parts) > 3:
            raise self.wrong()
        return ObjectName(parts[-1], parts[-2] if len(parts) > 1 else "", parts[0] if len(parts) > 2 else "")

    def type_name(self) -> TypeName:
        name = self.name().lower()
        if not self.takes("("):
            return TypeName(name)
        length = None if self.takes("MAX") else self.integer()
        if self.takes(","):
            self.integer()
        self.expect(")")
        return TypeName(name, length)

    def separated(self, read: Callable[[], T]) -> tuple[T, ...]:
        """One or more, with commas between."""
        found = [read()]
        while self.takes(","):
            found.append(read())
        return tuple(found)

    def bracketed(self, read: Callable[[], T]) -> tuple[T, ...]:
        """The same inside ( )."""
        self.expect("(")
        found = self.separated(read)
        self.expect(")")
        return found
