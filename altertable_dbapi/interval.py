"""The Python value of DuckDB's INTERVAL: months, days and microseconds, kept apart."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from operator import index
from typing import Any

_DAY = 86_400_000_000
_MONTH = 30 * _DAY


class Interval:
    """A span of calendar time, as DuckDB keeps it.

    A month has no fixed length and a day may have 23 or 25 hours, so the three parts are never
    merged. Two intervals are equal when all their parts are. They sort as DuckDB sorts them (a
    month as 30 days, a day as 24 hours); where DuckDB calls two of them equal, the one with fewer
    months comes first.

    Not a tuple on purpose: ``pyarrow`` reads a tuple's third item as nanoseconds, and would
    divide the time part by 1000 without a word. It reads this class by its attributes.

    Parameters
    ----------
    months, days, microseconds : int
        Each part has its own sign.

    Examples
    --------
    >>> from datetime import datetime
    >>> datetime(2024, 1, 31) + Interval(months=1)
    datetime.datetime(2024, 2, 29, 0, 0)
    >>> str(Interval(14, 3, 4_500_000))
    '1 year 2 months 3 days 00:00:04.5'
    """

    __slots__ = ("_days", "_microseconds", "_months")

    def __init__(self, months: int = 0, days: int = 0, microseconds: int = 0) -> None:
        self._months = index(months)
        self._days = index(days)
        self._microseconds = index(microseconds)

    @property
    def months(self) -> int:
        """Calendar months; a year is twelve of them."""
        return self._months

    @property
    def days(self) -> int:
        """Calendar days."""
        return self._days

    @property
    def microseconds(self) -> int:
        """Elapsed time: hours, minutes, seconds and their fraction, in microseconds."""
        return self._microseconds

    @classmethod
    def from_timedelta(cls, delta: timedelta) -> Interval:
        """Make an interval of days and microseconds, with no months."""
        return cls(0, delta.days, delta.seconds * 1_000_000 + delta.microseconds)

    def to_timedelta(self) -> timedelta:
        """Count a month as 30 days, as DuckDB's own Python client does for every interval."""
        return timedelta(days=self.months * 30 + self.days, microseconds=self.microseconds)

    def _parts(self) -> tuple[int, int, int]:
        return self._months, self._days, self._microseconds

    def _order(self) -> tuple[int, int, int]:
        length = self.months * _MONTH + self.days * _DAY + self.microseconds
        return length, self.months, self.days

    def __reduce__(self) -> tuple[type[Interval], tuple[int, int, int]]:
        return Interval, self._parts()

    def __repr__(self) -> str:
        return f"Interval(months={self.months}, days={self.days}, microseconds={self.microseconds})"

    def __str__(self) -> str:
        """Write it as DuckDB does; the text casts back to the same INTERVAL."""
        sign = -1 if self.months < 0 else 1
        years, months = divmod(abs(self.months), 12)
        parts = [
            f"{count} {unit}" if abs(count) == 1 else f"{count} {unit}s"
            for count, unit in (
                (sign * years, "year"),
                (sign * months, "month"),
                (self.days, "day"),
            )
            if count
        ]
        if self.microseconds or not parts:
            seconds, fraction = divmod(abs(self.microseconds), 1_000_000)
            minutes, seconds = divmod(seconds, 60)
            hours, minutes = divmod(minutes, 60)
            clock = f"{hours:02}:{minutes:02}:{seconds:02}"
            if fraction:
                clock += f".{fraction:06}".rstrip("0")
            parts.append(f"-{clock}" if self.microseconds < 0 else clock)
        return " ".join(parts)

    def __bool__(self) -> bool:
        return any(self._parts())

    def __hash__(self) -> int:
        return hash(self._parts())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Interval):
            return NotImplemented
        return self._parts() == other._parts()

    def __lt__(self, other: Interval) -> bool:
        if not isinstance(other, Interval):
            return NotImplemented
        return self._order() < other._order()

    def __le__(self, other: Interval) -> bool:
        if not isinstance(other, Interval):
            return NotImplemented
        return self._order() <= other._order()

    def __gt__(self, other: Interval) -> bool:
        if not isinstance(other, Interval):
            return NotImplemented
        return self._order() > other._order()

    def __ge__(self, other: Interval) -> bool:
        if not isinstance(other, Interval):
            return NotImplemented
        return self._order() >= other._order()

    def __neg__(self) -> Interval:
        return Interval(-self.months, -self.days, -self.microseconds)

    def __pos__(self) -> Interval:
        return self

    def __mul__(self, factor: int) -> Interval:
        if not isinstance(factor, int):
            return NotImplemented
        return Interval(self.months * factor, self.days * factor, self.microseconds * factor)

    __rmul__ = __mul__

    def __add__(self, other: Any) -> Any:
        """Add an interval or a timedelta part by part, or move a date or a datetime.

        A date becomes a datetime, as in DuckDB. Months move first and stop at the month's last
        day, then days by the calendar, then microseconds as elapsed time.
        """
        if isinstance(other, timedelta):
            other = Interval.from_timedelta(other)
        if isinstance(other, Interval):
            return Interval(
                self.months + other.months,
                self.days + other.days,
                self.microseconds + other.microseconds,
            )
        if isinstance(other, date):
            return self._move(other)
        return NotImplemented

    __radd__ = __add__

    def __sub__(self, other: Any) -> Interval:
        if isinstance(other, timedelta):
            other = Interval.from_timedelta(other)
        if not isinstance(other, Interval):
            return NotImplemented
        return self + -other  # type: ignore[no-any-return]

    def __rsub__(self, other: Any) -> Any:
        return (-self).__add__(other)

    def _move(self, start: date) -> datetime:
        moment = start if isinstance(start, datetime) else datetime.combine(start, time())
        if self.months:
            years, month = divmod(moment.month - 1 + self.months, 12)
            year, month = moment.year + years, month + 1
            if not 1 <= year <= 9999:
                raise OverflowError(f"{start} moved by {self} leaves the years 1 to 9999")
            # It brings `locale` along, and few compute with intervals.
            from calendar import monthrange

            moment = moment.replace(
                year=year, month=month, day=min(moment.day, monthrange(year, month)[1])
            )
        moment += timedelta(days=self.days)
        elapsed = timedelta(microseconds=self.microseconds)
        if moment.tzinfo is None or not elapsed:
            return moment + elapsed
        # datetime adds a timedelta to the wall clock; across a change of offset the elapsed
        # time differs from it.
        return (moment.astimezone(timezone.utc) + elapsed).astimezone(moment.tzinfo)
