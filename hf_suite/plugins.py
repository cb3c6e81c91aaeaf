"""Registry: what the suite brings of one sort, and what installed packages add by entry points. Reads no files."""

import functools
import importlib.metadata
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from hf_suite.errors import ConfigError

K = TypeVar("K")
V = TypeVar("V")


class Registry(Mapping[K, V], Generic[K, V]):
    """Ours, then those of the entry point group `group`, each loaded when it is asked for and not before.

    `key` makes a key of an entry point's name. A name that two have is refused, also when one of them is ours.
    """

    def __init__(
        self,
        group: str,
        ours: Mapping[K, V],
        *,
        wants: Callable[[Any], str | None],
        key: Callable[[str], Any] = lambda name: name,
    ) -> None:
        """`wants` says what is wrong with a loaded value; None where nothing is."""
        self._group, self._ours, self._wants, self._key = group, dict(ours), wants, key
        self._loaded: dict[K, V] = {}

    def __getitem__(self, key: K) -> V:
        if key in self._ours:
            return self._ours[key]
        if key not in self._loaded:
            self._loaded[key] = self._load(self._added[key])
        return self._loaded[key]

    def __contains__(self, key: object) -> bool:
        return key in self._ours or key in self._added

    def __iter__(self) -> Iterator[K]:
        yield from self._ours
        yield from self._added

    def __len__(self) -> int:
        return len(self._ours) + len(self._added)

    def source(self, key: K) -> str | None:
        """The package and version that brings it; None for ours, whose version is the suite's."""
        if key in self._ours or key not in self._added:
            return None
        found = self._added[key].dist
        return "unknown" if found is None else f"{found.name} {found.version}"

    @functools.cached_property
    def _added(self) -> dict[K, importlib.metadata.EntryPoint]:
        """The entry points by key. Raises ConfigError for a name that is taken, or that cannot be one."""
        found: dict[K, importlib.metadata.EntryPoint] = {}
        for point in importlib.metadata.entry_points(group=self._group):
            key = self._key(point.name)
            if key is None:
                raise ConfigError(_place(point), "is no name of one", "name it KIND.PROTOCOL")
            other = found.get(key)
            if key in self._ours or other is not None:
                by = "hf-suite itself" if other is None else _package(other)
                remedy = f"rename it, or uninstall {_package(point)}"
                raise ConfigError(_place(point), f"the name is taken by {by}", remedy)
            found[key] = point
        return found

    def _load(self, point: importlib.metadata.EntryPoint) -> V:
        remedy = f"mend {_package(point)}, or uninstall it"
        try:
            value = point.load()
        except Exception as error:  # whatever a stranger's module raises on import
            finding = f"cannot be loaded ({type(error).__name__}: {error})"
            raise ConfigError(_place(point), finding, remedy) from error
        wrong = self._wants(value)
        if wrong is not None:
            raise ConfigError(_place(point), wrong, remedy)
        return value


def lacks(protocol: type, value: Any, *, but: frozenset[str] = frozenset()) -> str | None:
    """What a value lacks to play that role; None where it lacks nothing."""
    names = {name for name in (*vars(protocol), *typing.get_type_hints(protocol)) if not name.startswith("_")}
    missing = sorted(name for name in names - but if not hasattr(value, name))
    return f"lacks {', '.join(missing)}" if missing else None


def _place(point: importlib.metadata.EntryPoint) -> str:
    return f"{_package(point)}: {point.group} {point.name} = {point.value}"


def _package(point: importlib.metadata.EntryPoint) -> str:
    return point.dist.name if point.dist is not None else "a package without a name"
