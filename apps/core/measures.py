"""Sizes, durations and times as people read them.  static/js/when.js ticks in the same words."""

from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

MINUTE, HOUR, DAY = 60, 3600, 86_400


def size(count: int) -> str:
    """Bytes with three significant digits in powers of 1024."""
    value = float(count)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        # 1023.6 would be shown as 1024: the next unit says it better.
        if abs(value) < 999.5 or unit == "TiB":
            break
        value /= 1024
    if unit == "B":
        return f"{count} B"
    digits = 2 if abs(value) < 9.995 else 1 if abs(value) < 99.95 else 0
    return f"{value:.{digits}f} {unit}"


def took(seconds: float) -> str:
    if seconds < 1:
        return _("%(n)d ms") % {"n": round(seconds * 1000)}
    if seconds < 10:
        return _("%(n).2f s") % {"n": seconds}
    if seconds < MINUTE and seconds != int(seconds):
        return _("%(n).1f s") % {"n": seconds}
    whole = round(seconds)
    if whole < MINUTE:
        return _("%(n)d s") % {"n": whole}
    if whole < HOUR:
        return _("%(m)d min %(s)02d s") % {"m": whole // MINUTE, "s": whole % MINUTE}
    return _("%(h)d h %(m)02d min") % {"h": whole // HOUR, "m": whole % HOUR // MINUTE}


def ago(moment: datetime, now: datetime) -> str:
    """Relative up to six days either way, the date beyond."""
    seconds = (now - moment).total_seconds()
    if seconds < 0:
        return _ahead(-seconds, moment, now)
    if seconds < 10:
        return _("just now")
    if seconds < MINUTE:
        return _("%(n)d s ago") % {"n": seconds}
    if seconds < HOUR:
        return _("%(n)d min ago") % {"n": seconds // MINUTE}
    if seconds < DAY:
        return _("%(n)d h ago") % {"n": seconds // HOUR}
    if seconds < 7 * DAY:
        days = int(seconds // DAY)
        return ngettext("%(n)d day ago", "%(n)d days ago", days) % {"n": days}
    return _date(moment, now)


def _ahead(seconds: float, moment: datetime, now: datetime) -> str:
    if seconds < MINUTE:
        return _("in %(n)d s") % {"n": seconds}
    if seconds < HOUR:
        return _("in %(n)d min") % {"n": seconds // MINUTE}
    if seconds < DAY:
        return _("in %(n)d h") % {"n": seconds // HOUR}
    if seconds < 7 * DAY:
        days = int(seconds // DAY)
        return ngettext("in %(n)d day", "in %(n)d days", days) % {"n": days}
    return _date(moment, now)


def _date(moment: datetime, now: datetime) -> str:
    here = timezone.localtime(moment)
    if here.year == timezone.localtime(now).year:
        # Translators: Django date format, day and month of this year.
        return date_format(here, _("j M"))
    return date_format(here, "Y-m-d")


def short(text: str, length: int) -> str:
    """`text` with its middle left out when longer than `length` characters; 0 = whole.  From length
    12 on the end keeps four characters, as ids differ at both ends."""
    if not length or len(text) <= length:
        return text
    tail = 4 if length >= 12 else 0
    return f"{text[: length - tail]}…{text[-tail:] if tail else ''}"
