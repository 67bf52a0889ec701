"""What we ask of every overlay beyond its schema.

A policy takes all resources of an overlay and yields one sentence for each finding.
"""

from tests.support.k8s.policy import flags, network, pods, references

POLICIES = (
    pods.run_locked_down,
    pods.say_what_they_need,
    pods.have_pinned_images,
    pods.are_all_looked_into,
    pods.are_probed,
    pods.drain_before_they_die,
    references.selectors_find_the_pods,
    references.ports_exist,
    references.autoscaler_owns_the_replicas,
    references.volumes_exist,
    references.selectors_never_change,
    references.gpus_are_not_scaled_by_processors,
    network.pods_are_behind_a_policy,
    network.nobody_calls_just_anybody,
    references.everything_is_in_one_namespace,
    flags.are_known,
    flags.name_mounted_files,
    flags.match_the_ports,
)

FOR_ALL = (
    pods.run_locked_down,
    pods.say_what_they_need,
    pods.have_pinned_images,
    pods.are_all_looked_into,
    network.pods_are_behind_a_policy,
    network.nobody_calls_just_anybody,
)
"""Those that ask of any kind that makes pods; the others are about Deployments."""

BEFORE_APPLYING = (*POLICIES, pods.have_real_digests)
"""What `make check-tree` asks besides, of a tree that is about to be applied."""
