"""What statements leave in a session, and what of it another session can be given."""

from __future__ import annotations

from itertools import islice

from ..statement.lexer import top_level
from ..statement.scan import Statement

#: How many statements that change the current schema are kept to be executed again. After more of
#: them, the current schema is one of the things that a new session cannot be given.
_MOST_PLACES = 32

_PLACES = frozenset({"SCHEMA", "SEARCH_PATH"})
_SCOPES = frozenset({"SESSION", "LOCAL", "GLOBAL"})
_VERBS = frozenset(
    [
        "USE",
        "SET",
        "RESET",
        "PRAGMA",
        "CREATE",
        "DROP",
        "ATTACH",
        "DETACH",
        "PREPARE",
        "DEALLOCATE",
        "LOAD",
    ]
)


class OwnState:
    """What a program's statements have left in its session.

    ``USE``, ``SET`` and their kin can be executed again in a new session, in their order; temporary
    tables, attached databases, variables and prepared text are gone with the old one.

    Attributes
    ----------
    changes : int
        How often any of it has changed.
    """

    def __init__(self) -> None:
        self._places: list[str] = []
        self._settings: dict[str, str] = {}
        self._own: dict[str, str] = {}
        self._own_before: dict[str, str] = {}
        self.changes = 0

    def note(self, statement: Statement) -> None:
        """A statement has been executed."""
        if statement.verb not in _VERBS or statement.explain:
            return
        pieces = [
            (token.kind, statement.text[token.start : token.stop])
            for token in islice(top_level(statement.text), 64)
        ]
        kinds = [kind for kind, _ in pieces]
        words = [text for _, text in pieces]
        while kinds and kinds[0] != statement.verb:
            del kinds[0], words[0]
        if not kinds:
            return
        if statement.verb in ("SET", "RESET", "PRAGMA", "USE", "LOAD"):
            self._note_setting(statement, kinds[1:], words[1:])
        else:
            self._note_object(statement.verb, kinds[1:], words[1:])

    def _note_setting(self, statement: Statement, kinds: list[str], words: list[str]) -> None:
        verb = statement.verb
        if kinds and kinds[0] in _SCOPES:
            kinds, words = kinds[1:], words[1:]
        if not kinds:
            return
        if verb in ("SET", "RESET") and kinds[0] == "VARIABLE":
            name = _name(words[1:])
            if verb == "SET":
                self._put(f"variable {name.lower()}", f"the variable {name}")
            else:
                self._drop(f"variable {name.lower()}")
        elif (
            verb == "PRAGMA" and "=" not in kinds and not kinds[0].startswith(("ENABLE", "DISABLE"))
        ):
            pass  # a question
        elif statement.placeholders:
            self._put(f"setting {words[0].lower()}", f"the setting {words[0]}")
        elif verb == "USE" or _unquoted(words[0]).upper() in _PLACES:
            # One that names catalog and schema overrides those before it.
            if verb == "SET" or "." in kinds:
                self._places.clear()
            self._places.append(statement.text)
            self.changes += 1
            if len(self._places) > _MOST_PLACES:
                self._put("place", "the current schema")
                self._places.clear()
        else:
            name = f"{'LOAD ' if verb == 'LOAD' else ''}{_unquoted(words[0]).lower()}"
            self._settings.pop(name, None)
            self._settings[name] = statement.text
            self.changes += 1

    def _note_object(self, verb: str, kinds: list[str], words: list[str]) -> None:
        if verb == "CREATE":
            if kinds[:2] == ["OR", "REPLACE"]:
                kinds, words = kinds[2:], words[2:]
            if kinds and kinds[0] in ("TEMP", "TEMPORARY"):
                kinds, words = kinds[1:], words[1:]
            elif "TEMP" not in kinds[1:3]:  # CREATE TABLE temp.t
                if kinds and kinds[0] == "SECRET":
                    self._put("secret", "a secret")
                return
            if kinds[:1] == ["RECURSIVE"]:
                kinds, words = kinds[1:], words[1:]
            if len(kinds) > 1:
                kind, name = words[0].lower(), _object_name(kinds[1:], words[1:])
                self._put(f"temp {name.lower()}", f"the temporary {kind} {name}")
        elif verb == "DROP" and len(kinds) > 1:
            self._drop(f"temp {_object_name(kinds[1:], words[1:]).lower()}")
        elif verb in ("ATTACH", "DETACH"):
            self._put("attached", "what was attached or detached")
        elif verb == "PREPARE" and words:
            self._put(f"prepared {words[0].lower()}", f"the prepared statement {words[0]}")
        elif verb == "DEALLOCATE" and words:
            self._drop(f"prepared {_name(words[-1:]).lower()}")

    def _put(self, key: str, said: str) -> None:
        self._own[key] = said
        self.changes += 1

    def _drop(self, key: str) -> None:
        if self._own.pop(key, None) is not None:
            self.changes += 1

    def lent(self) -> None:
        """Somebody may send statements of which the driver is not told."""
        self._put("lent", "what was done with its ADBC handles")

    def begin(self) -> None:
        """A transaction begins: what it makes is gone when it is rolled back."""
        self._own_before = dict(self._own)

    def rolled_back(self) -> None:
        """The open transaction was rolled back."""
        self._own = {
            key: said
            for key, said in self._own.items()
            if key in self._own_before or not key.startswith("temp ")
        }

    @property
    def again(self) -> list[str]:
        """The statements that give a new session what can be given, in order."""
        return [*self._settings.values(), *self._places]

    def take_gone(self) -> str:
        """What goes with the session, in words; it is not there any more after this."""
        gone, self._own = ", ".join(self._own.values()), {}
        self.changes += bool(gone)
        return gone

    def forget(self, text: str) -> None:
        """Do not execute a statement again."""
        self.changes += 1
        self._places = [place for place in self._places if place != text]
        self._settings = {name: said for name, said in self._settings.items() if said != text}


def _unquoted(word: str) -> str:
    return word[1:-1].replace('""', '"') if word.startswith('"') else word


def _name(words: list[str]) -> str:
    return _unquoted(words[0]) if words else ""


def _object_name(kinds: list[str], words: list[str]) -> str:
    """The last part of the name after ``IF [NOT] EXISTS``."""
    start = kinds.index("EXISTS") + 1 if "EXISTS" in kinds[:3] else 0
    stop = start + 1
    while kinds[stop : stop + 1] == ["."]:
        stop += 2
    return _name(words[stop - 1 : stop])
