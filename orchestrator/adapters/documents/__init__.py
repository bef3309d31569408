"""Documents in files: YAML and JSON in, objects with their places out, and back without losing a comment.

The walk: `files` finds files and decodes them, `tree` reads YAML into trees that know their lines, `schema` holds one
tree against its kind, with `remnant` for what is left of one that breaks it, `reader` puts all files together; `writer`
prints objects and edits files in place.
"""

from orchestrator.adapters.documents.files import ROADMAP_SIZE_MAX, decode, read_text
from orchestrator.adapters.documents.reader import Loaded, Located, load, load_bytes
from orchestrator.adapters.documents.schema import Dialect
from orchestrator.adapters.documents.writer import dump, dump_all, edit, edited, plain_yaml, replace_text, said_in

__all__ = [
    "ROADMAP_SIZE_MAX",
    "Dialect",
    "Loaded",
    "Located",
    "decode",
    "dump",
    "dump_all",
    "edit",
    "edited",
    "load",
    "load_bytes",
    "plain_yaml",
    "read_text",
    "replace_text",
    "said_in",
]
