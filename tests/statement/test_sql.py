"""The scanner, case by case; `test_sql_oracle` asks DuckDB about many more."""

from __future__ import annotations

import copy
import gc
import pickle
import re
import time
import weakref

import pytest

from altertable_dbapi.errors import ProgrammingError
from altertable_dbapi.statement.insert import insert_values
from altertable_dbapi.statement.names import quote_identifier
from altertable_dbapi.statement.query import sql
from altertable_dbapi.statement.scan import replace, scan, split


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT 1", []),
        ("SELECT $a, $B, $a", ["a", "B", "a"]),
        ("SELECT ?, ?", ["", ""]),
        ("SELECT $2, $1, ?3", ["2", "1", "3"]),
        ("SELECT $größe, größe, $名前", ["größe", "名前"]),
        ('SELECT $"a ""b"" $c", $ d, $\ne', ['a "b" $c', "d", "e"]),
        ("SELECT a$b, a$, é$x, a$$b$$, x$1, 0x1$a, $c", ["c"]),
        ("SELECT 1_000, 1e5, .5, 1., $a::INT, t.x::VARCHAR", ["a"]),
        ("SELECT x=?and y=?or ?::INT[1]", ["", "", ""]),
        ("SELECT @?, 1<?, a||?", ["", "", ""]),
        ("SELECT 1--$no\n+$a --$no", ["a"]),
        ("SELECT 1 --$no\r+$a", ["a"]),
        ("SELECT 1 -- $no\u2028$no", []),
        ("SELECT /* $no /* $no */ $no */ $a /**/ /*/ $no */ /***$no**/", ["a"]),
        ("SELECT 'a''$no', '\\', $a, ''", ["a"]),
        ("SELECT E'\\'$no', e'a''\\\\', $a, E'\\\\\\'$no'", ["a"]),
        ("SELECT _e'\\', $a, é.e$x, ae'\\', $b", ["a", "b"]),
        ("SELECT X'ab', B'01', U&'d\\', N'\\', U&\"\\$no\", $a", ["a"]),
        ('SELECT "a$no", "a""$no", "?", $d', ["d"]),
        ("SELECT $$ $no ' $no $$, $a$ $no $b$ $$ $A$ $a$, $c", ["c"]),
        ("SELECT $größe$ $no $größe$, $größe", ["größe"]),
        ("SELECT $ß$ $no $ß$, $_1$ $no $_1$, $1", ["1"]),
        ("SELECT 1 AND\xa0$a , $b +1, x\u200b, $c ", ["a", "b", "c"]),
        # As DuckDB has it, a Unicode space in a name right behind "$" is a letter.
        ("SELECT $a\xa0b, $\ufeffc, $ d\xa0", ["a\xa0b", "\ufeffc", "d"]),
        ("SELECT ? 2, ?\n1, ?/**/3, ?\xa04", ["2", "1", "3", "4"]),
        ("SELECT $/**/a, $ -- x\nb, $`c``d`", ["a", "b", "c`d"]),
        ("SELECT `it's` AS a, 'q ? q', `?`, ```?`, $a", ["a"]),
        ("\ufeffSELECT $a", ["a"]),
        ("SELECT 1 //* $no */ 2, 3*/*$no*/$a", ["a"]),
        ("SELECT a <-- $no", []),
        ("SELECT {'a': $b}, [$c], x[$d:$e]", ["b", "c", "d", "e"]),
        # Unterminated: all the rest is inside.
        ("SELECT $a, 'it $no", ["a"]),
        ("SELECT $a, E'it\\' $no", ["a"]),
        ("SELECT $a, E'\\", ["a"]),
        ('SELECT $a, "it $no', ["a"]),
        ("SELECT $a, $$ $no", ["a"]),
        ("SELECT $a, $t$ $no $T$ $$", ["a"]),
        ("SELECT $a /* $no /* $no */ $no", ["a"]),
        ("SELECT $a -- $no", ["a"]),
        ("SELECT $", []),
        ("", []),
        ("\0", []),
    ],
)
def test_placeholders(text: str, expected: list[str]) -> None:
    statement = scan(text)
    assert [placeholder.name for placeholder in statement.placeholders] == expected
    assert statement.text == text
    for start, stop, name in statement.placeholders:
        assert text[start] in "$?"
        written = re.sub(r"/\*.*\*/|--.*\n", "", text[start + 1 : stop])
        written = written.strip(' \n"`').lstrip("\xa0")
        assert written.replace('""', '"').replace("``", "`") == name


@pytest.mark.parametrize(
    ("text", "style"),
    [
        ("SELECT 1", "none"),
        ("SELECT $a", "named"),
        ('SELECT $"a b"', "named"),
        ("SELECT $1, ?2", "numeric"),
        ("SELECT ?, ?", "qmark"),
    ],
)
def test_style(text: str, style: str) -> None:
    assert scan(text).style == style


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT $city, ?", r"\$city \(named\) and \? \(qmark\)"),
        ("SELECT ?, $1", r"\? \(qmark\) and \$1 \(numeric\)"),
        ("SELECT $1, $a, $2", r"\$1 \(numeric\) and \$a \(named\)"),
    ],
)
def test_mixed_styles_are_an_error(text: str, message: str) -> None:
    with pytest.raises(ProgrammingError, match=message):
        scan(text)


@pytest.mark.parametrize(
    ("text", "verb"),
    [
        ("select 1", "SELECT"),
        ("  -- INSERT\n /* a /* b */ */ ;; FROM t", "FROM"),
        ("((SELECT 1) UNION SELECT 2)", "SELECT"),
        ("VALUES (1)", "VALUES"),
        ("SELECT'a'", "SELECT"),
        ("WITH a AS (SELECT 1) SELECT * FROM a", "SELECT"),
        ("WITH a AS (SELECT ')' -- )\n) INSERT INTO t FROM a", "INSERT"),
        ("WITH RECURSIVE c(n) USING KEY (n) AS (SELECT 1) DELETE FROM t", "DELETE"),
        (
            "WITH a AS MATERIALIZED (SELECT 1),b(x)AS(SELECT 2)UPDATE t SET a=1",
            "UPDATE",
        ),
        (
            'WITH insert AS (SELECT 1), "update" AS (SELECT 2), materialized(x) AS (FROM y) FROM t',
            "FROM",
        ),
        (
            "WITH a AS (WITH b AS (SELECT 1) FROM b) MERGE INTO t USING a ON x",
            "MERGE",
        ),
        ("WITH a AS (SELECT 1) (WITH b AS (SELECT 2) SELECT 3)", "SELECT"),
        ("WITH a AS (SELECT 1", ""),
        ("WITH", ""),
        ("PIVOT t ON a", "PIVOT"),
        ("FORCE CHECKPOINT", "FORCE"),
        ("", ""),
        (" -- c", ""),
        ("1 + 1", ""),
        ("'SELECT'", ""),
        ('"SELECT"', ""),
        ("$a", ""),
    ],
)
def test_verb(text: str, verb: str) -> None:
    assert (scan(text).verb, scan(text).explain) == (verb, "")


@pytest.mark.parametrize(
    ("text", "verb", "explain"),
    [
        ("EXPLAIN SELECT 1", "SELECT", "EXPLAIN"),
        ("EXPLAIN (SELECT 1)", "SELECT", "EXPLAIN"),
        ("explain analyze INSERT INTO t VALUES (1)", "INSERT", "ANALYZE"),
        ("EXPLAIN ANALYSE WITH a AS (SELECT 1) DELETE FROM t", "DELETE", "ANALYZE"),
        ("EXPLAIN (FORMAT json) UPDATE t SET a = 1", "UPDATE", "EXPLAIN"),
        ("EXPLAIN (FORMAT json, ANALYZE) FROM t", "FROM", "ANALYZE"),
        ('EXPLAIN ("analyze") FROM t', "FROM", "ANALYZE"),
        ("EXPLAIN ANALYZE (FORMAT json) FROM t", "FROM", "ANALYZE"),
        ("EXPLAIN", "", "EXPLAIN"),
    ],
)
def test_explain(text: str, verb: str, explain: str) -> None:
    statement = scan(text)
    assert (statement.verb, statement.explain) == (verb, explain)
    assert statement.returns_rows
    changes = explain == "ANALYZE" and verb not in ("FROM", "SELECT")
    assert statement.may_change == changes


@pytest.mark.parametrize(
    ("text", "returning"),
    [
        ("INSERT INTO t VALUES (1) RETURNING a", True),
        ("UPDATE t SET a=1returning*", True),
        ("UPDATE t SET a=1.returning*", True),
        ("UPDATE t SET a=$a RETURNING(a)", True),
        ("WITH c AS (SELECT 1) DELETE FROM t RETURNING a", True),
        ("MERGE INTO t USING u ON (a) WHEN MATCHED THEN DELETE RETURNING *", True),
        ("INSERT INTO t VALUES (1)", False),
        ("INSERT INTO t SELECT a AS returning FROM u", False),
        ("INSERT INTO t SELECT t.returning FROM u", False),
        ('INSERT INTO t SELECT "returning" FROM u', False),
        ("INSERT INTO t VALUES ('RETURNING a', $$ RETURNING $$) -- RETURNING", False),
        ("INSERT INTO t SELECT (SELECT x.returning) /* RETURNING a */", False),
        ("WITH c AS (INSERT INTO u VALUES (1) RETURNING a) UPDATE t SET a = 1", False),
        ("UPDATE t SET a = $returning", False),
        ("UPDATE t SET a = x$returning, b = returning_x", False),
        ("INSERT INTO t VALUES (1); SELECT 1 RETURNING", False),
        ("SELECT 1 AS returning", False),
    ],
)
def test_returning(text: str, returning: bool) -> None:
    assert scan(text).returning == returning


@pytest.mark.parametrize(
    ("text", "returns_rows", "may_change"),
    [
        ("SELECT 1", True, False),
        ("SELECT nextval('s')", True, True),
        ("SELECT 'nextval'", True, False),
        ("FROM ducklake_flush_inlined_data('lake')", True, True),
        ("WITH a AS (SELECT 1) FROM a", True, False),
        ("WITH a AS (DELETE FROM t RETURNING i) FROM a", True, True),
        ('SELECT update, "insert" FROM t', True, False),
        ("EXPLAIN ANALYZE SELECT 1", True, False),
        ("INSERT INTO t VALUES (1)", False, True),
        ("INSERT INTO t VALUES (1) RETURNING a", True, True),
        ("CREATE TABLE t AS SELECT 1", False, True),
        ("TRUNCATE t", False, True),
        ("COPY t TO 'x'", False, True),
        ("IMPORT DATABASE 'x'", False, True),
        ("EXECUTE p", True, True),
        ("CALL f()", True, True),
        ("SUMMARIZE t", True, False),
        ("SHOW TABLES", True, False),
        ("DESC t", True, False),
        ("PRAGMA version", False, True),
        ("SET threads = 2", False, False),
        ("USE s", False, False),
        ("ATTACH 'x'", False, False),
        ("FORCE CHECKPOINT", False, False),
        ("BEGIN", False, False),
        ("", True, False),
        ("SETTING", True, True),
    ],
)
def test_what_a_verb_means(text: str, returns_rows: bool, may_change: bool) -> None:
    statement = scan(text)
    assert (statement.returns_rows, statement.may_change) == (returns_rows, may_change)


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("BEGIN", "begin"),
        ("begin transaction;", "begin"),
        ("/* a */ ; BEGIN -- b\n WORK /* c */ READ ONLY ; ;", "begin"),
        ("START TRANSACTION READ WRITE", "begin"),
        ("START", "begin"),
        ("COMMIT", "commit"),
        ("END TRANSACTION", "commit"),
        ("ROLLBACK WORK", "rollback"),
        ("abort", "rollback"),
        ("BEGIN; SELECT 1", None),
        ("COMMIT AND CHAIN", None),
        ("COMMIT READ ONLY", None),
        ("ROLLBACK TO x", None),
        ("BEGIN READ", None),
        ("(BEGIN)", None),
        ('"BEGIN"', None),
        ("BEGINNING", None),
        ("EXPLAIN BEGIN", None),
        ("SELECT 1", None),
        ("", None),
    ],
)
def test_transaction(text: str, action: str | None) -> None:
    assert scan(text).transaction == action


@pytest.mark.parametrize(
    ("script", "statements"),
    [
        ("", []),
        (" ; ;; -- only\n /* comments; */", []),
        ("SELECT 1", ["SELECT 1"]),
        ("SELECT 1;;\nSELECT 2;\n", ["SELECT 1", "SELECT 2"]),
        (
            "-- one;\nSELECT ';', $$;$$, \";\", E'\\';', $a$;$a$; /* ; */ FROM t -- end;\n;",
            ["-- one;\nSELECT ';', $$;$$, \";\", E'\\';', $a$;$a$", "/* ; */ FROM t -- end;"],
        ),
        ("SELECT (1; SELECT 2", ["SELECT (1", "SELECT 2"]),
        ("SELECT 1; SELECT ';2", ["SELECT 1", "SELECT ';2"]),
        ("SELECT 1 /* ; /* ; */ ; */; FROM t", ["SELECT 1 /* ; /* ; */ ; */", "FROM t"]),
    ],
)
def test_split(script: str, statements: list[str]) -> None:
    assert split(script) == statements


@pytest.mark.parametrize(
    ("text", "replacements", "expected"),
    [
        ("SELECT 1", [], "SELECT 1"),
        ("SELECT $a, $b::INT", ["$1", "$2"], "SELECT $1, $2::INT"),
        ("?", ["1"], "1"),
        ("SELECT x LIKE?", ["$1"], "SELECT x LIKE $1"),
        ("SELECT?", ["$1"], "SELECT $1"),
        ("SELECT 1-?", ["-5"], "SELECT 1- -5"),
        ("SELECT x!=?and y", ["-5"], "SELECT x!= -5 and y"),
        ("SELECT $a.b, $b", ["$1", "$2"], "SELECT $1 .b, $2"),
        ("SELECT ?e5", ["5"], "SELECT 5 e5"),
        ("SELECT x[?:?], f(?)", ["1", "-1", "$2"], "SELECT x[1: -1], f($2)"),
        ("SELECT '$a', $a", ["'it''s $1'"], "SELECT '$a', 'it''s $1'"),
    ],
)
def test_replace(text: str, replacements: list[str], expected: str) -> None:
    assert replace(scan(text), replacements) == expected


def test_replace_wants_one_replacement_each() -> None:
    with pytest.raises(ValueError, match="shorter"):
        replace(scan("SELECT ?, ?"), ["1"])


@pytest.mark.parametrize(
    ("text", "head", "values", "tail", "upsert"),
    [
        ("INSERT INTO t VALUES (?, ?)", "INSERT INTO t ", ["?", "?"], "", False),
        (
            '-- c\nINSERT INTO a."b c".d AS x (p, q) VALUES ( f($a, 1) /* , */ , [$b, 2] ); -- end',
            '-- c\nINSERT INTO a."b c".d AS x (p, q) ',
            ["f($a, 1)", "[$b, 2]"],
            "",
            False,
        ),
        (
            "INSERT INTO values VALUES (DEFAULT, 'a,)')",
            "INSERT INTO values ",
            ["DEFAULT", "'a,)'"],
            "",
            False,
        ),
        ("INSERT OR REPLACE INTO t VALUES (?,)", "INSERT OR REPLACE INTO t ", ["?"], "", True),
        (
            "INSERT OR IGNORE INTO t VALUES (?::INT)",
            "INSERT OR IGNORE INTO t ",
            ["?::INT"],
            "",
            False,
        ),
        (
            "insert into t values ((SELECT max(a), ? FROM u)) ON CONFLICT (a) DO NOTHING /* c */ ;",
            "insert into t ",
            ["(SELECT max(a), ? FROM u)"],
            " ON CONFLICT (a) DO NOTHING",
            False,
        ),
        (
            "INSERT INTO t VALUES (?) ON CONFLICT DO UPDATE SET a = excluded.a",
            "INSERT INTO t ",
            ["?"],
            " ON CONFLICT DO UPDATE SET a = excluded.a",
            True,
        ),
        (";INSERT INTO t VALUES (-$a + 1)", ";INSERT INTO t ", ["-$a + 1"], "", False),
    ],
)
def test_insert_values(text: str, head: str, values: list[str], tail: str, upsert: bool) -> None:
    parts = insert_values(scan(text))
    assert parts is not None
    assert (parts.head, parts.tail, parts.upsert) == (head, tail, upsert)
    assert [text[start:stop] for start, stop, _ in parts.expressions] == values
    assert [default for *_, default in parts.expressions] == [v == "DEFAULT" for v in values]


@pytest.mark.parametrize(
    "text",
    """SELECT 1
    INSERT INTO t VALUES (?), (?)
    INSERT INTO t VALUES (?) RETURNING a
    INSERT INTO t VALUES (?); SELECT 1
    INSERT INTO t VALUES (?) ON CONFLICT (a) DO UPDATE SET a = ?
    INSERT INTO t VALUES (?) ON CONFLICT DO NOTHING; SELECT 1
    INSERT INTO t VALUES (?) ORDER BY 1
    INSERT INTO t VALUES (?) UNION ALL SELECT 1
    INSERT INTO t VALUES (?
    INSERT INTO t VALUES (, ?)
    INSERT INTO t VALUES ()
    INSERT INTO t VALUES
    INSERT INTO t SELECT ?
    INSERT INTO t (VALUES (?))
    INSERT INTO t DEFAULT VALUES
    INSERT INTO t BY NAME VALUES (?)
    INSERT INTO t(a) OVERRIDING SYSTEM VALUE VALUES (?)
    WITH c AS (SELECT 1) INSERT INTO t VALUES (?)
    EXPLAIN INSERT INTO t VALUES (?)
    INSERT""".splitlines(),
)
def test_other_statements_are_not_insert_values(text: str) -> None:
    assert insert_values(scan(text)) is None


@pytest.mark.parametrize(
    ("name", "quoted"), [("a", '"a"'), ('a"b', '"a""b"'), ("größe $x", '"größe $x"'), ('"', '""""')]
)
def test_quote_identifier(name: str, quoted: str) -> None:
    assert quote_identifier(name) == quoted
    assert scan(f"SELECT {quoted}").placeholders == ()


@pytest.mark.parametrize("name", ["", "a\0b"])
def test_quote_identifier_refuses(name: str) -> None:
    with pytest.raises(ProgrammingError, match="name"):
        quote_identifier(name)


def test_query_is_text_with_parameters() -> None:
    query = sql("SELECT $a, $text", a=1, text="x")
    assert query == "SELECT $a, $text"
    assert isinstance(query, str)
    assert query.parameters == {"a": 1, "text": "x"}
    assert scan(query).style == "named"
    assert type(scan(query).text) is str
    for copied in (pickle.loads(pickle.dumps(query)), copy.deepcopy(query)):
        assert (copied, copied.parameters) == (query, query.parameters)


def test_scan_keeps_no_parameters_alive() -> None:
    class Value:
        pass

    value = Value()
    alive = weakref.ref(value)
    scan(sql("SELECT $a AS keeps_nothing", a=value))
    del value
    gc.collect()
    assert alive() is None


@pytest.mark.parametrize(
    "unit",
    [
        *("$", "'", '"', "?", "(", ")", "/*", "*/", "/*/", "--", "$a$", "$$", "$a ", "a$", "E'\\"),
        *(
            "e''",
            '$"a"',
            '$""',
            "''a",
            "$é$ ",
            "; ",
            ", ",
            "{[(",
            "'/*",
            "é",
            "$     ",
            "\\",
            "\n--",
        ),
        *("WITH a AS (", "WITH a AS ()(", "EXPLAIN (", "EXPLAIN (ANALYZE) ", "BEGIN ", "AS /* "),
        *("UPDATE RETURNING ", "INSERT INTO t VALUES (", "RETURNING("),
        *("AS RETURNING ", "AS/**/ returning/**/", "t.returning--\n", "1. returning "),
    ],
)
def test_time_is_linear(unit: str) -> None:
    """100 kB take parts of a second; a quadratic scanner would take minutes."""
    for head in ("", "INSERT INTO t VALUES (", "UPDATE t ", "BEGIN "):
        text = head + unit * (100_000 // len(unit))
        started = time.process_time()
        statement = scan(text)
        insert_values(statement)
        assert statement.transaction in (None, "begin")
        split(text)
        assert time.process_time() - started < 5
