"""One model: which versions its folder and its policy want, and how far they are."""

from collections.abc import Collection, Iterable, Mapping

from serving.server.models.config import ModelEntry
from serving.server.models.folder_watch import FolderWatch
from serving.server.models.version import Route, ServedVersion, State
from serving.server.status import Code, StatusError

MAX_ENDED_VERSIONS = 100


class ServedModel:
    """Decides, and does nothing: it has no threads, no locks and no clock."""

    def __init__(self, entry: ModelEntry) -> None:
        self.entry = entry
        self.watch = FolderWatch()
        self.is_dropped = False
        """True when the configuration does not name it any more."""
        self.is_gone = False
        """True when, besides, nothing of it is left in memory."""
        self.is_being_listed = False
        self.was_listed = False
        """True once somebody looked, whatever there was."""
        self.found: Mapping[int, str] | None = None
        """Version directories; None until the base path could be read."""
        self.loading: ServedVersion | None = None
        """The one version that a loader thread has, or is about to take."""
        self.live: dict[int, ServedVersion] = {}
        self.ended: dict[int, ServedVersion] = {}
        """The last versions that have ended, in the order of their coming."""
        self._labels: dict[str, int] = {}

    def configure(self, entry: ModelEntry) -> None:
        """Takes what the configuration wants from now on."""
        if entry.base_path != self.entry.base_path:
            self.was_listed, self.found = False, None
        self.entry, self.is_dropped, self.is_gone = entry, False, False

    def drop(self) -> None:
        """Notes that the configuration does not name it any more."""
        self.is_dropped, self.was_listed, self.found = True, False, None

    @property
    def wanted(self) -> list[int]:
        """The versions to serve; those there are while the base path is unknown."""
        if self.is_dropped:
            return []
        if self.found is None:
            return [n for n, version in self.live.items() if not version.retired]
        return self.entry.policy.select(self.found)

    def update(self) -> list[ServedVersion]:
        """Retires versions that are not wanted; the new ones that are."""
        self._archive_ended()
        wanted, found = self.wanted, self.found or {}
        new = [
            ServedVersion(self.entry.name, number, found[number])
            for number in wanted
            if number not in self.live
        ]
        for version in new:
            self.ended.pop(version.number, None)
            self.live[version.number] = version
        for number, version in self.live.items():
            # One on its way out cannot turn; it comes back as a new one.
            if version.state is not State.UNLOADING:
                version.retired = number not in wanted
        return new

    def _archive_ended(self) -> None:
        over = [v for v in self.live.values() if v.retired and v.state is State.END]
        for version in over:
            self.ended[version.number] = self.live.pop(version.number)
        while len(self.ended) > MAX_ENDED_VERSIONS:
            del self.ended[next(iter(self.ended))]

    def next_load(self, now_s: float, *, unload_first: bool) -> ServedVersion | None:
        """Chooses the version to load now: the newest that is due, one at a time."""
        versions = self.live.values()
        if self.loading is not None:
            return None
        if unload_first and any(v.retired and _is_in_memory(v) for v in versions):
            return None
        due = [
            version
            for version in versions
            if version.is_loading
            and not version.retired
            and version.next_attempt_s <= now_s
        ]
        return max(due, key=_number, default=None)

    def leaving(self, *, unload_first: bool) -> list[ServedVersion]:
        """Lists the available versions that must stop answering now.

        An unwanted one goes only when a wanted one answers, or nothing is wanted. Of
        several unwanted ones the newest is enough.
        """
        unwanted = [v for v in self._available() if v.retired]
        # Not `live`: a wanted version may be on its way out, to come back as a new one.
        all_go = unload_first or not self.wanted
        if all_go or any(not v.retired for v in self._available()):
            return unwanted
        return sorted(unwanted, key=_number)[:-1]

    def cancelled(self) -> list[ServedVersion]:
        """Lists versions that were never loaded and need not be any more."""
        return [
            version
            for version in self.live.values()
            if version.retired and version.is_loading and version is not self.loading
        ]

    def should_serve(self, version: ServedVersion) -> bool:
        """Tells whether a version that has just been loaded may answer.

        One that is not wanted any more is still better than none.
        """
        if not version.retired:
            return True
        return bool(self.wanted) and not self._available()

    def route(self, leaving: Iterable[ServedVersion], allow_unavailable: bool) -> Route:
        """Maps what requests may reach, without those that are leaving."""
        gone = {version.number for version in leaving}
        staying = {v.number: v for v in self._available() if v.number not in gone}
        self._settle_labels(staying, allow_unavailable)
        route: dict[int | str | None, ServedVersion] = dict(staying.items())
        for label, number in self._labels.items():
            if number in staying:
                route[label] = staying[number]
        if staying:
            route[None] = staying[max(staying)]
        return route

    def _settle_labels(
        self, available: Collection[int], allow_unavailable: bool
    ) -> None:
        """Gives the labels to their versions.

        A wanted label waits for its version to become available; until then it keeps
        the version it has. Once given it stays, as upstream's do, when that version
        goes. With `allow_unavailable`, labels that are not in use need not wait.
        """
        held, now = self._labels, dict[str, int]()
        wanted = {} if self.is_dropped else self.entry.labels
        for label, version in wanted.items():
            if version in available or (allow_unavailable and label not in held):
                now[label] = version
            elif label in held:
                now[label] = held[label]
        self._labels = now

    def check_labels(self, entry: ModelEntry, *, allow_unavailable: bool) -> None:
        """Refuses the labels that HandleReloadConfigRequest refuses (server_core.cc).

        Raises:
            StatusError: FAILED_PRECONDITION, a label's version cannot answer. With
                `allow_unavailable` only a label that would be moved is refused.
        """
        held = {} if self.is_dropped else self._labels
        available = [] if self.is_dropped else [v.number for v in self._available()]
        for label, version in entry.labels.items():
            is_moved = held.get(label, version) != version
            if version in available or (allow_unavailable and not is_moved):
                continue
            raise StatusError(
                Code.FAILED_PRECONDITION,
                f"Request to assign label to version {version} of model {entry.name}, "
                "which is not currently available for inference",
            )

    def label_version(self, label: str) -> int | None:
        """Returns the version that a label means now, available or not."""
        return self._labels.get(label)

    def versions(self) -> dict[int, ServedVersion]:
        """Returns every version that is known, also those that have ended."""
        return {**self.ended, **self.live}

    @property
    def newest(self) -> ServedVersion | None:
        """The version with the highest number, in whichever state."""
        versions = self.versions()
        return versions[max(versions)] if versions else None

    @property
    def failure(self) -> ServedVersion | None:
        """The newest wanted version, when all of them have failed for good."""
        if self._available() or not self.is_settled:
            return None
        wanted = (self.live[number] for number in self.wanted)
        return max(wanted, key=_number, default=None)

    @property
    def is_settled(self) -> bool:
        """True when nothing waits to be loaded, or to be tried again."""
        if self.found is None or self.loading is not None:
            return False
        versions = [self.live.get(number) for number in self.wanted]
        return all(v is not None and _is_settled(v) for v in versions)

    @property
    def is_available(self) -> bool:
        """True when a version answers."""
        return bool(self._available())

    @property
    def is_absent(self) -> bool:
        """True when somebody looked, and there is nothing to load or to serve."""
        was_seen = self.was_listed and not self.is_being_listed
        return was_seen and not self.wanted and not self.live

    @property
    def has_untried(self) -> bool:
        """True while a wanted version waits for the end of its first attempt."""
        versions = [self.live.get(number) for number in self.wanted]
        return any(v is None or (v.is_loading and v.error is None) for v in versions)

    def _available(self) -> list[ServedVersion]:
        return [v for v in self.live.values() if v.state is State.AVAILABLE]


def _number(version: ServedVersion) -> int:
    return version.number


def _is_settled(version: ServedVersion) -> bool:
    is_over = version.state in (State.AVAILABLE, State.END)
    return is_over and not version.retired


def _is_in_memory(version: ServedVersion) -> bool:
    return version.state in (State.AVAILABLE, State.UNLOADING)
