"""How wide text is on a terminal, and where it is cut."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altertable_dbapi.cli.width import clusters, cut, one_line, pad, width

#: As wcwidth 0.9 has them, and terminals that know Unicode 9 and later.
WIDTHS = {
    "": 0,
    "abc": 3,
    "é": 1,
    "e\u0301": 1,
    "日本": 4,
    "ｱ": 1,
    "Ａ": 2,
    "한글": 4,
    "\u1112\u1161\u11ab": 2,
    "ไทย": 3,
    "นี้": 1,
    "का": 2,
    "…": 1,
    "│": 1,
    "\u00ad": 1,
    "a\u200bb": 2,
    "👩‍💻": 2,
    "👨‍👩‍👧‍👦": 2,
    "🏳️‍🌈": 2,
    "👍🏽": 2,
    "🙋🏾‍♀️": 2,
    "👁️‍🗨️": 2,
    "❤": 1,
    "❤️": 2,
    "☎": 1,
    "1️⃣": 2,
    "🇫🇷": 2,
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f": 2,
    "x👩‍💻y": 4,
}

TEXTS = st.lists(st.sampled_from([*WIDTHS, *"aé日\u0301\u200d\ufe0f🏽🇫"])).map("".join)


@pytest.mark.parametrize(("text", "columns"), WIDTHS.items())
def test_width(text: str, columns: int) -> None:
    assert width(text) == columns
    assert width(text * 3) == columns * 3


@given(TEXTS, st.integers(1, 30))
def test_a_cut_text_fits_and_splits_no_character(text: str, columns: int) -> None:
    pieces = [piece for piece, _ in clusters(text)]
    assert "".join(pieces) == text
    shown = cut(text, columns, "…")
    assert width(shown) <= columns
    if width(text) <= columns:
        assert shown == text
        assert width(pad(text, columns)) == columns
        assert pad(text, columns, right=True).endswith(text)
    else:
        kept = shown[:-1]
        assert shown[-1] == "…"
        assert kept in ["".join(pieces[:count]) for count in range(len(pieces))]
        # Another character would not have fitted.
        assert width(kept) + max(map(width, pieces)) >= columns


@given(st.text())
def test_one_line_is_what_a_terminal_shows(text: str) -> None:
    for char in one_line(text):
        assert char.isprintable() or unicodedata.category(char) == "Zs" or char in "\u200c\u200d"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb\tc\0\x1b[31m", r"a\nb\tc\x00\x1b[31m"),
        ("👩‍💻 größe 日本\u3000x\u00a0y", "👩‍💻 größe 日本\u3000x\u00a0y"),
        ("\u202eabc\u2066\ufeff", r"\u202eabc\u2066\ufeff"),
        ("a\u2028b", r"a\u2028b"),
        ("a\U000e0067", r"a\U000e0067"),
    ],
)
def test_what_is_not_shown_is_escaped(text: str, shown: str) -> None:
    assert one_line(text) == shown
