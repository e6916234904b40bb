"""The scanner against DuckDB's own parser, over generated SQL."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from altertable_dbapi.errors import ProgrammingError
from altertable_dbapi.statement.insert import insert_values
from altertable_dbapi.statement.scan import replace, scan, split

from ..support.parts import part_of

duckdb = pytest.importorskip("duckdb")

PARTS = 5
EXAMPLES = 50  # in each part
STATEMENTS_PER_EXAMPLE = 100

VERBS = {
    "SELECT": {"SELECT", "FROM", "VALUES", "TABLE", "DESCRIBE", "SHOW", "SUMMARIZE"},
    "INSERT": {"INSERT"},
    "UPDATE": {"UPDATE"},
    "DELETE": {"DELETE", "TRUNCATE"},
    "CREATE": {"CREATE"},
    "DROP": {"DROP"},
    "SET": {"SET", "RESET", "USE"},
    "MERGE_INTO": {"MERGE"},
    "COPY": {"COPY"},
    "TRANSACTION": {"BEGIN", "COMMIT", "ROLLBACK", "START", "END", "ABORT"},
}
PLAIN_SPACE = [" ", " ", " ", "\n", "\t", "\r\n", "  ", " \f", "/* c */"]
COMMENTS = [
    "/* $no ? */",
    "/* a /* ' \" $no */ ; ? */",
    "/**/",
    "/*/ ? */",
    "/***$no/**/*/",
    "-- $no ' ? ;\n",
    "--\r\n",
    "-- \\'\r",
    "--/*\n",
]
UNICODE_SPACE = ["\xa0", "\u2003", "\u3000", "\u200b", "\ufeff", " \u202f"]
STRINGS = [
    "''",
    "'a'",
    "'it''s $no'",
    "'\\'",
    "'--$no'",
    "'/*'",
    "'?'",
    "';'",
    "'$$'",
    "'RETURNING'",
    "E'\\'$no'",
    "e'a''\\\\'",
    "E'\\\\\\'?;'",
    "$$ $no ' $$",
    "$$$$",
    "$a$ $no ? $b$ $$ $A$ $a$",
    "$größe$ $a$ ' $größe$",
    "$_1$;$_1$",
    "$returning$ returning $returning$",
    "$$\n-- $no\n/*$$",
]
NUMBERS = ["1", "0", "1_000", "1e5", "1.5E-3", ".5", "1.", "123456789012345678901234567890"]
NAMES = [
    "a",
    "a$b",
    "a$",
    "x$1",
    "_a",
    "größe",
    "名前",
    "é$a",
    "e",
    "E1",
    "ae",
    '"a$no"',
    '"a""$no"',
]
# DuckDB 2 has names in backquotes, and space between "?" and a number.
NEWER = not duckdb.__version__.startswith("1.")
OLDEST = duckdb.__version__.startswith("1.4")
if NEWER:
    NAMES += ["`a`", "`it's`", "`?`", "`a``$no`", "`--`", "`/*`", "t.`$$`", '`"`', "`\n;`"]
NAMES += ['"?"', '"--"', '"/*"', '"returning"', "t.returning", '"é;"', "x.y", "😀"]
PARAMETERS = [
    "city",
    "City",
    "CITY",
    "a",
    "_a",
    "größe",
    "名前",
    "e",
    "E",
    "x1",
    "select",
    "end",
    "r",
]
OPERATORS = [
    "+",
    "-",
    "*",
    "/",
    "//",
    "%",
    "=",
    "<",
    ">=",
    "<>",
    "!=",
    "||",
    "AND",
    "OR",
    "IN",
    "LIKE",
]
OPERATORS += ["->", "->>", "@>", "&", "|", "<<", "^", "IS DISTINCT FROM", "~", "^@", "&&"]


class Writer:
    """Writes random SQL, and remembers the style of its placeholders and whether it returns."""

    def __init__(self, seed: int, unicode_space: bool = True) -> None:
        self.random = random.Random(seed)
        self.unicode_space = unicode_space
        self.start()

    def start(self) -> None:
        self.style = self.random.choice(("named", "numeric", "qmark"))
        self.spaces, self.strings = PLAIN_SPACE + self.random.choice((COMMENTS, [])), STRINGS
        # DuckDB replaces Unicode spaces before it parses, and does so with simpler rules: a quote
        # in a comment, an E'…' or a $$…$$ lead it astray, in DuckDB 1.4 a named placeholder, too.
        self.unicode: list[str] = []
        kept = not (OLDEST and self.style == "named")
        if self.unicode_space and kept and self.random.random() < 0.3:
            self.unicode = UNICODE_SPACE
            self.spaces = PLAIN_SPACE + UNICODE_SPACE
            self.strings = [string for string in STRINGS if string[0] == "'"]
        self.returning = False

    def pick(self, *choices: str) -> str:
        return self.random.choice(choices)

    def join(self, *parts: str) -> str:
        """Put space between the parts: any kind where one is needed, perhaps none elsewhere."""
        text = ""
        for part in filter(None, parts):
            # What is written side by side must not become one name, an E'…', a comment or another
            # operator.
            risky = any(
                re.search(kind + r"\Z", text) and re.match(kind, part)
                for kind in (r"[^\x00-#%-/:-@\[-^`{-\x7f]", r"[-+*/<>=!%&|~^@#$:'\"?.\d]")
            )
            risky = risky or part[0] == "'"
            if text and (risky or self.random.random() < 0.7):
                text += self.random.choice(self.spaces)
            text += part
        return text

    def placeholder(self) -> str:
        if self.style == "qmark":
            return "?"
        if self.style == "numeric":
            number, mark = str(self.random.randint(1, 12)), self.pick("$", "$", "?")
            if not NEWER or self.random.random() < 0.5:
                return mark + number
            # Right behind a "$" a Unicode space begins a name.
            gaps = self.unicode if mark == "?" else []
            return mark + self.pick(" ", "\n", "/* ? */", "-- $no\n", *gaps) + number
        name = self.random.choice(PARAMETERS)
        if self.random.random() < 0.1:
            return f"$`{name}`" if NEWER and self.random.random() < 0.5 else f'$"{name}"'
        if self.unicode and self.random.random() < 0.2:
            return "$" + self.pick("\xa0", "", "\ufeff") + name + self.pick("\xa0x", "\u2003", "")
        return self.pick("$", "$", "$", "$ ", "$\n") + name

    def value(self, depth: int = 0) -> str:
        """Write an expression."""
        if depth > 2 or self.random.random() < 0.5:
            kind = self.random.random()
            if kind < 0.4:
                return self.placeholder()
            if kind < 0.7:
                return self.random.choice(self.strings)
            name = self.random.choice(NUMBERS if kind < 0.8 else NAMES)
            # A "$" or a quote in backquotes leads it astray, too.
            return "a" if self.unicode and "`" in name else name
        one, two = self.value(depth + 1), self.value(depth + 1)
        form = self.random.randrange(9)
        if form == 0:
            return self.join("(", one, ")")
        if form == 1:
            return self.join("f", "(", one, ",", two, ")")
        if form == 2:
            return self.join("[", one, ",", two, "]")
        if form == 3:
            return self.join("{", "'k'", ":", one, "}")
        if form == 4:
            return self.join("(", one, ")", "::", self.pick("INT", "VARCHAR", "DECIMAL(10, 2)"))
        if form == 5:
            return self.join("CASE", "WHEN", one, "THEN", two, "END")
        if form == 6:
            return self.join("(", self.query(depth + 1), ")")
        return self.join("(", one, ")", self.random.choice(OPERATORS), "(", two, ")")

    def query(self, depth: int = 0) -> str:
        item = self.value(depth + 1)
        alias = self.pick("", "AS x$1", 'AS "$no"', "AS größe", "AS returning", "AS _e")
        if self.random.random() < 0.2:
            return self.join(self.pick("VALUES", "FROM t WHERE"), "(", item, ")")
        where = self.join("WHERE", self.value(depth + 1)) if self.random.random() < 0.5 else ""
        return self.join(self.pick("SELECT", "select"), item, alias, "FROM", "t", where)

    def statement(self) -> str:
        self.start()
        form = self.random.randrange(14)
        ctes = ""
        if self.random.random() < 0.3:
            ctes = self.join(
                self.pick("WITH", "WITH RECURSIVE", "with"),
                self.pick("c", '"c d"', "insert", "c (a, b)", "materialized"),
                self.pick("AS", "AS MATERIALIZED", "AS NOT MATERIALIZED"),
                self.join("(", self.query(1), ")"),
                self.pick("", f",e AS({self.query(1)})"),
            )
        returning = ""
        if self.random.random() < 0.3:
            returning = self.join(self.pick("RETURNING", "returning"), self.value(1))
        if form < 4:
            text = self.join(ctes, self.pick("", "("), self.query())
            text += ")" if text.count("(") != text.count(")") and self._unclosed(text) else ""
        elif form < 6:
            conflict = self.pick(
                "", "ON CONFLICT DO NOTHING", "ON CONFLICT (a) DO UPDATE SET a = 1"
            )
            row = self.join("(", self.value(), ",", self.value(), ")")
            text = self.join(ctes, "INSERT INTO", "t", self.pick("", "(a, b)"), "VALUES", row)
            text = self.join(text, conflict, returning)
            self.returning = bool(returning)
        elif form < 8:
            text = self.join(ctes, "UPDATE", "t", "SET", "a", "=", self.value(), returning)
            self.returning = bool(returning)
        elif form == 8:
            text = self.join(ctes, "DELETE", "FROM", "t", "WHERE", self.value(), returning)
            self.returning = bool(returning)
        elif form == 9:
            text = self.join("CREATE", "TABLE", "x$y", "AS", self.query())
        elif form == 10:
            text = self.join("EXPLAIN", self.pick("", "ANALYZE", "(FORMAT json)"), self.query())
        elif form == 11:
            text = self.join("COPY", "(", self.query(), ")", "TO", "'x.csv'")
        elif form == 12:
            text = self.join(
                *self.pick("BEGIN", "COMMIT WORK", "abort", "START TRANSACTION").split()
            )
        else:
            text = self.join("SET", "VARIABLE", "x", "=", self.value())
        lead, trail = (
            self.random.choice(self.spaces),
            self.random.choice(("", " ", "-- $no ?", ";")),
        )
        return lead + text + (" " if trail else "") + trail

    @staticmethod
    def _unclosed(text: str) -> bool:
        try:
            duckdb.extract_statements(text)
        except duckdb.Error:
            return True
        return False


def parse(text: str) -> list[Any] | None:
    try:
        return list(duckdb.extract_statements(text))
    except (duckdb.Error, UnicodeDecodeError):
        return None


def names(parsed: list[Any]) -> set[str]:
    return {name.lower() for statement in parsed for name in statement.named_parameters}


#: A name with a dollar sign in it.
_DOLLAR_IN_NAME = re.compile(r"\w\$")


def check(writer: Writer, text: str) -> bool:
    """Compare the scanner with DuckDB on one statement; False if DuckDB cannot read it."""
    parsed = parse(text)
    if parsed is None or len(parsed) != 1:
        return False
    if _DOLLAR_IN_NAME.search(text) and not text.isascii():
        return True  # DuckDB takes it for a quote's beginning, and leaves Unicode's spaces there
    statement = scan(text)
    found = names(parsed)
    if statement.style == "qmark":
        assert {str(i + 1) for i in range(len(statement.placeholders))} == found, text
    else:
        assert {p.name.lower() for p in statement.placeholders} == found, text
    assert statement.style == (writer.style if found else "none"), text

    kind = parsed[0].type.name
    if kind == "EXPLAIN":
        assert statement.explain, text
    else:
        assert not statement.explain, text
        assert statement.verb in VERBS[kind], text
    assert statement.returning == writer.returning, text
    assert (statement.transaction is not None) == (kind == "TRANSACTION"), text

    numbers: dict[str, int] = {}
    keys = [p.name.lower() or str(p.start) for p in statement.placeholders]
    rewritten = replace(statement, [f"${numbers.setdefault(k, len(numbers) + 1)}" for k in keys])
    again = parse(rewritten)
    assert again is not None, (text, rewritten)
    assert names(again) == {str(number) for number in numbers.values()}, (text, rewritten)
    rendered = parse(replace(statement, ["-5"] * len(keys)))
    if rendered is not None:  # {…: -5}, but no -5 where the grammar wants a name
        assert not names(rendered), text
        assert len(rendered) == 1, text
    return True


class Count:
    written = 0
    parsed = 0


# Parts, so that none takes long on a slow machine.
@pytest.mark.parametrize("part", range(PARTS))
def test_statements_as_duckdb_reads_them(part: int) -> None:
    Count.written = Count.parsed = 0

    @part_of(part)
    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.integers(0, 2**63))
    def run(seed: int) -> None:
        writer = Writer(seed)
        for _ in range(STATEMENTS_PER_EXAMPLE):
            text = writer.statement()
            Count.written += 1
            Count.parsed += check(writer, text)

    run()
    assert Count.parsed >= 20_000 / PARTS
    assert Count.parsed >= 0.9 * Count.written


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**63))
def test_scripts_as_duckdb_splits_them(seed: int) -> None:
    writer = Writer(seed, unicode_space=False)
    for _ in range(20):
        parts = [writer.statement() for _ in range(writer.random.randint(1, 5))]
        # A comment at the end of one must not hide the semicolon.
        script = writer.random.choice(("\n;", "\n; ;", "\n;/* ; */")).join(parts)
        parsed = parse(script)
        if parsed is None:
            continue
        pieces = split(script)
        assert len(pieces) == len(parsed), script
        for piece, statement in zip(pieces, parsed, strict=True):
            alone = parse(piece)
            assert alone is not None, piece
            assert [(s.type, s.named_parameters) for s in alone] == [
                (statement.type, statement.named_parameters)
            ], piece


@settings(max_examples=300, deadline=None)
@given(
    st.text(st.sampled_from("$?'\"\\-/*;()[]{},.aAeE1_ \n\té\xa0:") | st.characters(), max_size=60),
    st.sampled_from(
        ("", "INSERT INTO t VALUES (", "WITH ", "EXPLAIN (", "UPDATE t RETURNING", "BEGIN")
    ),
)
def test_any_characters(noise: str, head: str) -> None:
    for text in (noise, head + noise):
        split(text)
        try:
            statement = scan(text)
        except ProgrammingError:  # two styles of placeholders
            continue
        insert_values(statement)
        assert isinstance(statement.transaction, str | None)
        spans = [(p.start, p.stop) for p in statement.placeholders]
        assert spans == sorted(spans)
        assert all(start < stop <= len(text) for start, stop in spans)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "SELECT 1",
            "FROM t",
            "VALUES (1)",
            "TABLE t",
            "DESCRIBE t",
            "SHOW TABLES",
            "SUMMARIZE t",
        ),
        *("INSERT INTO t VALUES (1)", "UPDATE t SET a=1", "DELETE FROM t", "TRUNCATE t"),
        "MERGE INTO t USING u ON (t.a=u.a) WHEN MATCHED THEN DELETE",
        *("CREATE TABLE x (a INT)", "CREATE VIEW x AS SELECT 1", "DROP TABLE t"),
        *(
            "ALTER TABLE t ADD COLUMN x INT",
            "COMMENT ON TABLE t IS 'x'",
            "SET threads = 2",
            "USE x",
        ),
        *("RESET threads", "COPY t TO 'x'", "ATTACH 'x'", "DETACH x", "VACUUM", "ANALYZE"),
        *("EXPORT DATABASE 'x'", "PREPARE p AS SELECT 1", "EXECUTE p", "DEALLOCATE p", "CALL f()"),
        *(
            "INSTALL x",
            "LOAD x",
            "BEGIN",
            "COMMIT",
            "ROLLBACK",
            "END",
            "ABORT",
            "START TRANSACTION",
        ),
        *("EXPLAIN INSERT INTO t VALUES (1)", "EXPLAIN (FORMAT json) SELECT 1"),
    ],
)
def test_what_returns_rows(text: str) -> None:
    """DuckDB expects "rows" of one, "a count, or rows" or "nothing" of another."""
    parsed = parse(text)
    assert parsed is not None
    expected = parsed[0].expected_result_type
    assert scan(text).returns_rows == (expected == [duckdb.ExpectedResultType.QUERY_RESULT])
