"""The files of `config/apis/`: routes and shapes of the APIs behind the gateway."""

from collections.abc import Iterable
from pathlib import Path

import yaml
from pydantic import ValidationError

from gateway_addons.core.routes import Api, RouteTable


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


def _load(file: Path) -> Api:
    try:
        return Api.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError) as e:
        raise ApiFileError(f"{file}: {e}") from e
    except ValidationError as e:
        places = "; ".join(f"{'.'.join(map(str, x['loc']))}: {x['msg']}" for x in e.errors(include_url=False))
        raise ApiFileError(f"{file}: {places}") from e
