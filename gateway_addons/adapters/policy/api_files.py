"""The files of `config/apis/`: routes and shapes of the APIs behind the gateway."""

from collections.abc import Iterable
from pathlib import Path

from pydantic import ValidationError

from gateway_addons.adapters.policy import strict_yaml
from gateway_addons.core.routes import Api, RouteTable

MAX_FILE_BYTES = 256 * 1024


class ApiFileError(Exception):
    """An API's file cannot be used; the message names file and place."""


def load_routes(files: Iterable[Path]) -> tuple[RouteTable, tuple[Api, ...]]:
    """All routes of all files.

    Raises:
        ApiFileError: a file that cannot be read, has an unknown key, or claims a route that another has.
    """
    apis = tuple(_load(file) for file in files)
    try:
        return RouteTable(apis), apis
    except ValueError as e:
        raise ApiFileError(str(e)) from e


def load_apis(folder: Path) -> dict[str, Api]:
    """The APIs of a folder by name. Raises `ApiFileError`, also when there is none."""
    _, apis = load_routes(sorted(folder.glob("*.yaml")))
    if not apis:
        raise ApiFileError(f"{folder}: no file is for an API")
    return {api.api: api for api in apis}


def _load(file: Path) -> Api:
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise ApiFileError(f"{file}: larger than {MAX_FILE_BYTES} bytes")
        text = file.read_text(encoding="utf-8")
        return Api.model_validate(strict_yaml.read(text))
    except strict_yaml.YamlDefect as e:
        raise ApiFileError(f"{file}:{e.line}: {e.why}") from e
    except (OSError, UnicodeDecodeError) as e:
        raise ApiFileError(f"{file}: {e}") from e
    except ValidationError as e:
        raise ApiFileError("\n".join(f"{file}:{_line(text, x['loc'])}: {'.'.join(map(str, x['loc']))}: {x['msg']}"
                                     for x in e.errors(include_url=False))) from e


def _line(text: str, path: tuple[str | int, ...]) -> int:
    lines = strict_yaml.lines(text)
    return next(lines[path[:size]] for size in range(len(path), -1, -1) if path[:size] in lines)
