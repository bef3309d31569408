"""Globs as regular languages: what a pattern matches, whether two share a path, whether one lies inside others.

The walk: `grammar` reads the text into items, one per path segment; `segment` knows what one item matches and what two
share; `automaton` runs many patterns over a path, or over another pattern, at once; `escape` finds a path that lies in
some patterns and in none of others; `relation`, `scope` and `index` are what the rest of Interlock calls. Every answer
is exact.

A path is a sequence of code points: segments joined by `/`, none of them empty, `.` or `..`, none with a NUL.

Where git is followed (`:(glob)` pathspecs): `a/**` is what lies below `a`, `**/x` is `x` at any depth, `a/**/b`
includes `a/b`; a pattern without any of `*?[\\` covers the file of that name and the folder below, `a/` only the
folder, one with them only the paths it spells; `[!x]` and `[^x]` negate, `[[:alpha:]]` is ASCII, `]` may come first in
a class, a backslash takes the next character literally, a leading dot is a character like any other.

Where it is not: git compares bytes, so its `?` is not `é`; git also takes a pattern's own text for a name, so that its
`a*` covers what is below a folder really called `a*`; `**` beside other characters (git calls it invalid and reads it
now as `*`, now as `**`) and whatever can match no path are errors here.
"""

from orchestrator.core.globs.automaton import is_path
from orchestrator.core.globs.caseless import caseless, caseless_scope
from orchestrator.core.globs.choices import TooComplex
from orchestrator.core.globs.grammar import GLOBSTAR
from orchestrator.core.globs.index import ScopeIndex
from orchestrator.core.globs.pattern import BadPattern, Pattern, parse, problems, remarks
from orchestrator.core.globs.relation import Related, Relation, first_escaping, overlap, relate, uncovered
from orchestrator.core.globs.scope import Scope, Union

__all__ = [
    "GLOBSTAR",
    "BadPattern",
    "Pattern",
    "Related",
    "Relation",
    "Scope",
    "ScopeIndex",
    "TooComplex",
    "Union",
    "caseless",
    "caseless_scope",
    "first_escaping",
    "is_path",
    "overlap",
    "parse",
    "problems",
    "relate",
    "remarks",
    "uncovered",
]
