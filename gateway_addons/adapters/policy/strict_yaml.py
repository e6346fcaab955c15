"""YAML that every reader reads alike: what YAML 1.1 and 1.2, or two readers of one, could take differently is refused.

Refused: aliases, anchors and merge keys (they hide size), tags, repeated keys (the last would win in silence), several
documents, a depth beyond `MAX_DEPTH`, plain `yes`, `no`, `on`, `off` (booleans in YAML 1.1, texts in 1.2), and plain numbers
with leading zeros (octal in one, decimal in the other: a SIRET would lose its zeros). Only these plain values are not
texts: null, `~`, true, false, decimal numbers, dates AAAA-MM-JJ and moments of RFC 3339.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import yaml

MAX_DEPTH = 32
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_NULL = re.compile(r"~|null|Null|NULL|")
_BOOLEAN = re.compile(r"true|True|TRUE|false|False|FALSE")
_AMBIGUOUS = re.compile(r"y|n|yes|no|on|off", re.IGNORECASE)
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_LEADING_ZEROS = re.compile(r"[-+]?0[0-9_]+|0[xob][0-9a-fA-F_]+")
_NUMBER_TO_SOME = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
"""Numbers of YAML 1.2."""
_OTHERS_READ: Any = yaml.SafeLoader.yaml_implicit_resolvers
"""What YAML 1.1 does not take for a text, by its first character."""
_DECIMAL = re.compile(r"[-+]?[0-9]+\.[0-9]+")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)? ?(Z|z|[-+][0-9]{2}:[0-9]{2})?")

type Path = tuple[str | int, ...]


class YamlDefect(ValueError):
    """The text is not strict YAML: where (1-based) and why."""

    def __init__(self, why: str, line: int, column: int, path: Path = ()) -> None:
        super().__init__(why)
        self.why, self.line, self.column, self.path = why, line, column, path


def read(text: str) -> Any:
    """The one document in `text`. Raises `YamlDefect`."""
    return _build(text, None)


def lines(text: str) -> dict[Path, int]:
    """The line (1-based) of each key and item of a document that `read` accepts."""
    found: dict[Path, int] = {(): 1}
    _build(text, found)
    return found


@dataclass(slots=True)
class _Open:
    """A mapping or sequence that is being read."""

    value: Any
    path: Path
    key: str | None = None
    seen: set[str] = field(default_factory=set)


def _build(text: str, positions: dict[Path, int] | None) -> Any:
    stack: list[_Open] = []
    root: list[Any] = []
    try:
        for event in _events(text):
            _take(event, stack, root, positions)
    except yaml.MarkedYAMLError as e:
        mark = e.problem_mark or e.context_mark
        why = f"not YAML: {e.problem or e.context}"
        raise YamlDefect(why, getattr(mark, "line", 0) + 1, getattr(mark, "column", 0) + 1) from e
    except yaml.YAMLError as e:
        raise YamlDefect(f"not YAML: {' '.join(str(e).split())}", 1, 1) from e
    if not root:
        raise YamlDefect("the file is empty", 1, 1)
    return root[0]


def _events(text: str) -> Iterator[Any]:
    documents = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise _defect("a file holds a single document", event)
        elif isinstance(event, yaml.NodeEvent | yaml.CollectionEndEvent):
            yield event


def _take(event: Any, stack: list[_Open], root: list[Any], positions: dict[Path, int] | None) -> None:
    if isinstance(event, yaml.CollectionEndEvent):
        stack.pop()
        return
    here = stack[-1] if stack else None
    path = _path(here)
    _check_node(event, path)
    if here is not None and isinstance(here.value, dict) and here.key is None:
        _take_key(event, here, positions)
        return
    if positions is not None:
        positions.setdefault(path, _line(event))
    if isinstance(event, yaml.ScalarEvent):
        value: Any = _scalar(event, path)
    else:
        value = {} if isinstance(event, yaml.MappingStartEvent) else []
        if len(stack) >= MAX_DEPTH:
            raise _defect(f"deeper than {MAX_DEPTH} levels", event, path)
        stack.append(_Open(value, path))
    _place(value, here, root)


def _place(value: Any, here: _Open | None, root: list[Any]) -> None:
    if here is None:
        root.append(value)
    elif isinstance(here.value, dict):
        here.value[here.key], here.key = value, None
    else:
        here.value.append(value)


def _take_key(event: Any, here: _Open, positions: dict[Path, int] | None) -> None:
    if not isinstance(event, yaml.ScalarEvent) or (event.style in {None, ""} and event.value == "<<"):
        raise _defect("a key must be a plain name", event, here.path)
    if not isinstance(_scalar(event, here.path), str):
        raise _defect(f"a key must be a plain name; put {event.value!r} between quotes if it is one", event, here.path)
    key = event.value
    if key in here.seen:
        raise _defect(f"the key {key!r} is repeated; keep one", event, (*here.path, key))
    here.seen.add(key)
    here.key = key
    if positions is not None:
        positions[(*here.path, key)] = _line(event)


def _path(here: _Open | None) -> Path:
    if here is None:
        return ()
    if isinstance(here.value, list):
        return (*here.path, len(here.value))
    return here.path if here.key is None else (*here.path, here.key)


def _check_node(event: Any, path: Path) -> None:
    if isinstance(event, yaml.AliasEvent):
        raise _defect("aliases are not accepted; write the value out", event, path)
    if event.anchor is not None:
        raise _defect("anchors are not accepted", event, path)
    if event.tag is not None:
        raise _defect(f"tags are not accepted ({event.tag})", event, path)


def _scalar(event: Any, path: Path) -> Any:
    """The value of a scalar: a quoted one is a text, a plain one what the module's docstring says."""
    text: str = event.value
    if event.style not in {None, ""}:
        return text
    if _NULL.fullmatch(text):
        return None
    if _BOOLEAN.fullmatch(text):
        return text.lower() == "true"
    if _AMBIGUOUS.fullmatch(text):
        raise _defect(f"{text} is a boolean to some readers and a text to others; write true or false, or put it between quotes",
                      event, path)
    if _LEADING_ZEROS.fullmatch(text):
        raise _defect(f"{text} is read as different numbers by different readers; write it between quotes", event, path)
    if _INTEGER.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text):
        return float(text)
    return _time(event, text, path)


def _time(event: Any, text: str, path: Path) -> Any:
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
        if _MOMENT.fullmatch(text):
            return datetime.fromisoformat(text.upper().replace(" ", "T", 1).replace(" ", ""))
    except ValueError as e:
        raise _defect(f"{text} is no day or moment ({e})", event, path) from e
    if _NUMBER_TO_SOME.fullmatch(text) or any(pattern.match(text) for _, pattern in _OTHERS_READ.get(text[:1], ())):
        raise _defect(f"{text} is a text to some readers and something else to others; write it between quotes", event, path)
    return text


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _defect(why: str, event: Any, path: Path = ()) -> YamlDefect:
    return YamlDefect(why, _line(event), event.start_mark.column + 1, path)
