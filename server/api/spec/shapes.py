"""Shapes of what travels, as JSON Schema: from the types that the code itself uses, and in a few words for the rest."""

from types import UnionType
from typing import Annotated, Any, Literal, NotRequired, Union, cast, get_args, get_origin, get_type_hints, is_typeddict

from crdt_schema.ids import ID_PATTERN

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
BOOL: Schema = {"type": "boolean"}
ANYTHING: Schema = {}
BINARY: Schema = {"type": "string", "format": "binary"}
ID: Schema = {"type": "string", "pattern": f"^{ID_PATTERN}$"}
BLOB: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$", "description": "SHA-256 in lower-case hex"}
TIME: Schema = {"type": "string", "description": "ISO 8601, UTC; empty while it has not happened"}
_PLAIN: dict[Any, Schema] = {str: TEXT, int: WHOLE, float: NUMBER, bool: BOOL, Any: ANYTHING, object: ANYTHING}


def record(**fields: Schema) -> Schema:
    """An object with exactly these fields: what the server says, it says whole."""
    return {"type": "object", "properties": fields, "required": sorted(fields), "additionalProperties": False}


def with_more(shape: Schema, **fields: Schema) -> Schema:
    """A record that may also have these fields."""
    return {**shape, "properties": {**shape["properties"], **fields}}


def body(*needed: str, **fields: Schema) -> Schema:
    """An object that somebody sends: the `needed` fields and any of the others; what is not known is not read."""
    return {"type": "object", "properties": fields, "required": list(needed)}


def many(shape: Schema) -> Schema:
    """A list."""
    return {"type": "array", "items": shape}


def by_key(shape: Schema) -> Schema:
    """An object from keys that are data to values of one shape."""
    return {"type": "object", "additionalProperties": shape}


def maybe(shape: Schema) -> Schema:
    """A shape, or null."""
    return {"anyOf": [shape, {"type": "null"}]}


def maybe_empty(shape: Schema) -> Schema:
    """A shape, or the empty text, which says as much as nothing."""
    return {"anyOf": [shape, {"const": ""}]}


def one_of(words: object) -> Schema:
    """One of the words of a Literal, or of a tuple."""
    return {
        "type": "string",
        "enum": list(cast("tuple[str, ...]", words) if isinstance(words, tuple) else get_args(words)),
    }


def line(longest: int) -> Schema:
    """One line that can be seen."""
    return {"type": "string", "minLength": 1, "maxLength": longest}


def words(longest: int) -> Schema:
    """A text that may be empty."""
    return {"type": "string", "maxLength": longest}


def between(least: float, most: float, *, whole: bool = False) -> Schema:
    """A number in a range, both ends included."""
    return {"type": "integer" if whole else "number", "minimum": least, "maximum": most}


def shape_of(hint: Any) -> Schema:  # noqa: ANN401 - a type hint can be any object; one return for each kind of hint
    """A type of the code as a schema."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated or origin is NotRequired:
        return shape_of(args[0])
    if origin is Literal:
        return {"enum": list(args)}
    if origin in (UnionType, Union):
        return {"anyOf": [shape_of(arg) for arg in args]}
    if origin is list:
        return many(shape_of(args[0]))
    if origin is dict:
        return by_key(shape_of(args[1]))
    if is_typeddict(hint):
        fields = get_type_hints(hint)
        needed = sorted(cast("frozenset[str]", hint.__required_keys__))
        return {**record(**{name: shape_of(field) for name, field in fields.items()}), "required": needed}
    return {"type": "null"} if hint is type(None) else _PLAIN[hint]
