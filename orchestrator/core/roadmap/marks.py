"""Marks people put on work: done, not yet, and decoration. Taken off a line, and said."""

from __future__ import annotations

import re
from dataclasses import dataclass

_DONE = "✅✔☑🎉💯🏁🟢"
_OPEN = "🔜⏳⌛🚧🔲☐⬜📋🔄🏗🟡🔴🟠⚪🔵🕐📅⏸❌✗❓🆕"
_VARIANT = "\ufe0f"
_EMOJI = "\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff"
_LEAD = re.compile(
    rf"\s*(?:(?P<box>\[[ xX✓✔✅~/-]?\])(?=\s|$)|(?P<mark>[{_DONE}{_OPEN}]){_VARIANT}?|"
    rf"(?P<emoji>[{_EMOJI}][{_VARIANT}\u200d{_EMOJI}]*)|"
    r"[*_]{0,2}(?P<word>DONE|TODO|WIP|COMPLETED?|FIXME|IN PROGRESS|done|todo|Done|"
    r"Todo)[*_]{0,2}\s*[:–—-](?=\s))[*_]{0,2}\s*"
)
_DONE_WORDS = (
    r"completed?|done|finished|shipped|released|delivered|landed|merged|implemented|closed|"
    r"erledigt|abgeschlossen|fertig|terminée?|fait|hecho"
)
_DROPPED = r"won'?t (?:do|fix)|cancell?ed|dropped|rejected|obsolete|superseded|descoped"
"""Not done, and not to do either: closed."""
_OPEN_WORDS = (
    r"in progress|wip|planned|pending|not started|todo|to do|open|upcoming|blocked|ongoing|started|"
    r"partial(?:ly)?(?: done)?|"
    r"partially complete[d]?|next|in arbeit|geplant|offen|en cours|draft"
)
_TAIL = re.compile(
    rf"\s*(?:[(\[]\s*[{_EMOJI}{_VARIANT}]*\s*(?:(?P<done>(?i:{_DONE_WORDS}|{_DROPPED})(?:[ ,:][^()\[\]]*)?)|"
    rf"(?P<open>(?i:{_OPEN_WORDS})))\s*[)\]]|"
    rf"(?P<mark>[{_DONE}{_OPEN}]){_VARIANT}?|(?P<box>\[[ xX]\])|"
    rf"\s[–—-]+\s*(?:(?P<done2>(?i:{_DONE_WORDS}))|(?P<open2>(?i:{_OPEN_WORDS}))))\s*[.!]?\s*$"
)
_STRUCK = re.compile(r"\s*~~(.+?)~~\s*[.!]?\s*$")
_STATUS_DONE = re.compile(rf"\s*(?:[{_DONE}]|\[[xX]\]|(?i:{_DONE_WORDS}|100 ?%|yes|x)\b).*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Marked:
    """A line without its marks. `done` is None where no mark says either."""

    text: str
    done: bool | None = None
    by: str = ""
    """The mark that said it."""
    boxed: bool = False
    """There was a check box, or a mark: whoever wrote this keeps track of it."""


def unmarked(text: str) -> Marked:
    """Return the text without marks at either end, and what the first that means something means."""
    done: bool | None = None
    by = ""
    boxed = False
    if found := _STRUCK.match(text):
        text, done, by = found[1], True, "struck through"
    for _ in range(4):
        lead = _LEAD.match(text)
        if lead is None or lead.end() == 0:
            break
        said = _leading(lead)
        boxed = boxed or said is not None
        if done is None and said is not None:
            done, by = said, lead[0].strip()
        text = text[lead.end() :]
    for _ in range(3):
        tail = _TAIL.search(text)
        if tail is None:
            break
        said = bool(tail["done"] or tail["done2"] or (tail["mark"] or " ") in _DONE or (tail["box"] or "").strip("[ ]"))
        boxed = True
        if done is None or (said and by in ("", "[ ]")):
            done, by = said, tail[0].strip()
        text = text[: tail.start()]
    if found := _STRUCK.match(text):
        text = found[1]
    return Marked(text.strip(), done, by, boxed)


def is_done_word(text: str) -> bool:
    """Return whether a status says that it is done."""
    return _STATUS_DONE.match(text.strip("*_` ")) is not None


def _leading(found: re.Match[str]) -> bool | None:
    if found["box"]:
        return found["box"][1:-1].strip() not in ("", "~", "/", "-")
    if found["mark"]:
        return found["mark"] in _DONE
    if found["word"]:
        return found["word"].upper() in ("DONE", "COMPLETE", "COMPLETED")
    return None
