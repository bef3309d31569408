"""What happened in a swarm, from stored facts alone: the content of `interlock report`, without a word of HTML.

The walk: `facts` is what a store knows; `story` cuts each item's events into stretches with what was waited for;
`axis` lays time out and folds away what nobody worked in; `crowd` adds all items up over it; `claims` says who held
which files when; `places` gives the train's order and why; `trouble` collects denials and failures with their
evidence; `bill` adds up what was used; `page` puts them together as one value. The same facts give the same page: time
ends with the last fact, there is no clock.
"""

from orchestrator.core.chronicle.facts import Facts, Recorded
from orchestrator.core.chronicle.page import Page, page

__all__ = ["Facts", "Page", "Recorded", "page"]
