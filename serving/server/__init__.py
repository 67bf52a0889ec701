"""The embedded server: TF Serving's API where there is no tensorflow_model_server.

`app` tells how a server lives: load, open the ports, serve, drain. The words used here:

upstream: TensorFlow Serving 2.21, whose answers, errors and metrics ours are to equal.
model: a name in the configuration, and a folder with versions of it.
version: one numbered sub-folder of that folder; it goes through states.
states: START, LOADING, AVAILABLE (requests may come), UNLOADING, END.
servable: what a version is once it is loaded: arrays in, arrays out (`servable`).
signature: a named function of a servable, with the names, types and shapes it takes.
lease: a request's hold on a version, which is not unloaded before the lease ends.
route: what requests can reach of a model now: by number, by label, the latest.
label: a name for a version, such as `stable`, that the configuration moves.
reload: a new configuration, by a gRPC request or from its file, without a restart.
swap: a new version loads, answers, and only then the old one goes (`models.swapping`).
batch: the rows of several requests that one run of a servable computes.
lane: threads that some queues of batches share, served in turn (`batching.scheduler`).
record: the facts of one request, which metrics and logs are made of (`observation`).
"""
