"""T-SQL text to tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass

from simulator.tds.errors import SqlError

_TOKEN = re.compile(
    r"""
    (?P<space> \s+ | --[^\n]* | /\*.*?\*/ )
  | (?P<string> [Nn]?'(?:[^']|'')*' )
  | (?P<quoted> \[(?:[^\]]|\]\])*\] | "(?:[^"]|"")*" )
  | (?P<hex> 0[xX][0-9a-fA-F]* )
  | (?P<number> \d+(?:\.\d*)?(?:[eE][+-]?\d+)? | \.\d+ )
  | (?P<variable> @{1,2}[\w$#]+ )
  | (?P<name> [^\W\d][\w@$#]* )
  | (?P<symbol> <> | <= | >= | != | :: | [-+*/%=<>(),.;] )
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is a group name of the pattern above, or `end`. `value` is the text without quotes."""

    kind: str
    text: str
    value: str

    @property
    def word(self) -> str:
        """The keyword in capitals; empty for anything quoted, so that [select] is never taken for a keyword."""
        return self.text.upper() if self.kind == "name" else ""


def syntax_error(near: str) -> SqlError:
    return SqlError(102, 15, 1, f"Incorrect syntax near '{near}'.")


def tokenize(sql: str) -> list[Token]:
    """The tokens without space and comments, closed by an `end` token that repeats the last one's text."""
    tokens: list[Token] = []
    position = 0
    while position < len(sql):
        match = _TOKEN.match(sql, position)
        if match is None:
            raise _unreadable(sql, position)
        position = match.end()
        if match.lastgroup != "space":
            tokens.append(_token(str(match.lastgroup), match.group()))
    last = tokens[-1].text if tokens else ""
    return [*tokens, Token("end", last, last)]


def _token(kind: str, text: str) -> Token:
    if kind == "string":
        return Token(kind, text, text[text.index("'") + 1 : -1].replace("''", "'"))
    if kind == "quoted":
        close = text[-1]
        return Token(kind, text, text[1:-1].replace(close * 2, close))
    return Token(kind, text, text)


def _unreadable(sql: str, position: int) -> SqlError:
    rest = sql[position:]
    if rest[:1] in ("'", '"', "[") or rest[:2].upper() == "N'":
        return SqlError(105, 15, 1, f"Unclosed quotation mark after the character string '{rest.lstrip('N')[1:]}'.")
    if rest.startswith("/*"):
        return SqlError(113, 15, 1, "Missing end comment mark '*/'.")
    return syntax_error(rest[0])
