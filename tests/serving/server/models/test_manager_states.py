"""Any order of pushes, deletions, damage, reconfiguration and requests is survived."""

import pathlib
import tempfile

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from serving.server.models.config import VersionPolicy
from serving.server.models.swapping import Pools
from serving.server.models.version import ServedVersion, State
from serving.server.status import StatusError
from tests.support.serving.server.model_world import ManualPool, World

NUMBERS = st.integers(1, 4)
POLICIES = st.sampled_from(
    [
        VersionPolicy(),
        VersionPolicy(latest=2),
        VersionPolicy(latest=None),
        VersionPolicy(specific=(1,)),
        VersionPolicy(specific=(2, 3)),
    ]
)


class ManagerMachine(RuleBasedStateMachine):
    """Loads and unloads happen when the machine says, at any time after they began."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.loads, self.unloads = ManualPool(), ManualPool()
        self.world = World(
            pathlib.Path(self.folder.name), Pools(self.loads, self.unloads)
        )
        self.on_disk: set[int] = set()
        self.policy = VersionPolicy()
        self.is_configured = True
        self.held: list[ServedVersion] = []
        self.must_answer = False
        self.world.serve(self.world.entry())

    @rule(number=NUMBERS)
    def push(self, number: int) -> None:
        if number not in self.on_disk:
            self.on_disk.add(number)
            self.world.push(number)

    @rule(number=NUMBERS)
    def delete(self, number: int) -> None:
        if number in self.on_disk:
            self.on_disk.remove(number)
            self.world.delete(number)

    @rule(number=NUMBERS, is_broken=st.booleans())
    def damage(self, number: int, is_broken: bool) -> None:
        change = set.add if is_broken else set.discard
        change(self.world.broken, ("m", number))

    @rule(policy=POLICIES)
    def configure(self, policy: VersionPolicy) -> None:
        self.policy, self.is_configured = policy, True
        self.world.serve(self.world.entry(policy=policy))

    @rule()
    def drop(self) -> None:
        self.is_configured = False
        self.world.serve()

    @rule(seconds=st.sampled_from([1, 60]))
    def wait(self, seconds: int) -> None:
        self.world.pass_s(seconds)

    @precondition(lambda self: self.loads.jobs)
    @rule()
    def load(self) -> None:
        self.loads.run()

    @precondition(lambda self: self.loads.jobs)
    @rule(number=NUMBERS)
    def load_while_the_folder_changes(self, number: int) -> None:
        change = self.delete if number in self.on_disk else self.push
        self.world.during_load = lambda: change(number)
        self.loads.run()
        self.world.during_load = lambda: None

    @precondition(lambda self: self.unloads.jobs)
    @rule()
    def unload(self) -> None:
        self.unloads.run()

    @rule(number=st.none() | NUMBERS)
    def begin_request(self, number: int | None) -> None:
        try:
            self.held.append(self.world.manager.lease("m", number))
        except StatusError:
            assert number is not None or not self.must_answer

    @precondition(lambda self: self.held)
    @rule()
    def end_request(self) -> None:
        self.held.pop(0).release()

    @invariant()
    def running_requests_keep_their_model(self) -> None:
        for version in self.held:
            version.servable.run("", {}, (), None)

    @invariant()
    def a_model_that_answered_answers_while_anything_of_it_is_wanted(self) -> None:
        is_wanted = self.is_configured and self.policy.select(self.on_disk)
        states = {v.state for v in self._versions()}
        if not is_wanted:
            self.must_answer = False
        elif State.AVAILABLE in states:
            self.must_answer = True
        if self.must_answer:
            self.world.served()

    @invariant()
    def at_most_one_load_runs_per_model(self) -> None:
        assert len(self.loads.jobs) <= 1

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        while self.held:
            self.end_request()
        for _ in range(4):
            self.world.pass_s(60)
            self.loads.run_all()
            self.unloads.run_all()
        self._only_available_versions_are_in_memory()
        self._what_is_wanted_and_whole_is_served()
        self.folder.cleanup()

    def _only_available_versions_are_in_memory(self) -> None:
        open_servables = [
            one for ref in self.world.servables if (one := ref()) and not one.is_closed
        ]
        available = [v for v in self._versions() if v.state is State.AVAILABLE]
        assert len(open_servables) == len(available)

    def _what_is_wanted_and_whole_is_served(self) -> None:
        served = {v.number for v in self._versions() if v.state is State.AVAILABLE}
        wanted = self.policy.select(self.on_disk) if self.is_configured else []
        # One that had failed for good before it was repaired stays failed.
        failed = {v.number for v in self._versions() if v.error is not None}
        assert set(wanted) - failed <= served
        assert wanted or not served

    def _versions(self) -> list[ServedVersion]:
        try:
            return self.world.manager.versions("m")
        except StatusError:
            return []


TestManager = ManagerMachine.TestCase
TestManager.settings = settings(
    max_examples=250, stateful_step_count=40, deadline=None, derandomize=True
)
