"""The protos that a server needs and no Python package ships, built by hand.

Health messages travel as bytes and have grpc's field numbers. The settings are only
ever read as text, where names count and numbers do not.
"""

from collections.abc import Mapping, Sequence

from google.protobuf import descriptor_pb2

_Field = descriptor_pb2.FieldDescriptorProto
_INT64_VALUE = ".google.protobuf.Int64Value"
_BOOL_VALUE = ".google.protobuf.BoolValue"
_STRING_VALUE = ".google.protobuf.StringValue"

Fields = Mapping[str, tuple[int, int | str]]
"""Field name to number and type; a type that is a string names a message or an enum."""


def file_protos() -> list[descriptor_pb2.FileDescriptorProto]:
    """Builds batching parameters, TLS and monitoring settings, gRPC's health check."""
    return [_batching_parameters(), _ssl_config(), _monitoring_config(), _health()]


def _batching_parameters() -> descriptor_pb2.FileDescriptorProto:
    file = _file(
        "tensorflow_serving/servables/tensorflow/session_bundle_config.proto",
        "tensorflow.serving",
        ["google/protobuf/wrappers.proto"],
    )
    fields: Fields = {
        "max_batch_size": (1, _INT64_VALUE),
        "batch_timeout_micros": (2, _INT64_VALUE),
        "max_enqueued_batches": (3, _INT64_VALUE),
        "num_batch_threads": (4, _INT64_VALUE),
        "thread_pool_name": (5, _STRING_VALUE),
        "allowed_batch_sizes": (6, _Field.TYPE_INT64),
        "pad_variable_length_inputs": (7, _Field.TYPE_BOOL),
        "enable_large_batch_splitting": (8, _BOOL_VALUE),
        "max_execution_batch_size": (9, _INT64_VALUE),
    }
    _message(file, "BatchingParameters", fields, repeated={"allowed_batch_sizes"})
    return file


def _ssl_config() -> descriptor_pb2.FileDescriptorProto:
    file = _file("tensorflow_serving/config/ssl_config.proto", "tensorflow.serving", [])
    fields: Fields = {
        "server_key": (1, _Field.TYPE_STRING),
        "server_cert": (2, _Field.TYPE_STRING),
        "custom_ca": (3, _Field.TYPE_STRING),
        "client_verify": (4, _Field.TYPE_BOOL),
    }
    _message(file, "SSLConfig", fields)
    return file


def _monitoring_config() -> descriptor_pb2.FileDescriptorProto:
    file = _file(
        "tensorflow_serving/config/monitoring_config.proto", "tensorflow.serving", []
    )
    prometheus: Fields = {
        "enable": (1, _Field.TYPE_BOOL),
        "path": (2, _Field.TYPE_STRING),
    }
    _message(file, "PrometheusConfig", prometheus)
    kind = ".tensorflow.serving.PrometheusConfig"
    _message(file, "MonitoringConfig", {"prometheus_config": (1, kind)})
    return file


def _health() -> descriptor_pb2.FileDescriptorProto:
    file = _file("grpc/health/v1/health.proto", "grpc.health.v1", [])
    _message(file, "HealthCheckRequest", {"service": (1, _Field.TYPE_STRING)})
    status = ".grpc.health.v1.HealthCheckResponse.ServingStatus"
    response = _message(file, "HealthCheckResponse", {"status": (1, status)})
    response.field[0].type = _Field.TYPE_ENUM
    names = ("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")
    serving_status = response.enum_type.add(name="ServingStatus")
    for number, name in enumerate(names):
        serving_status.value.add(name=name, number=number)
    return file


def _file(
    name: str, package: str, dependencies: Sequence[str]
) -> descriptor_pb2.FileDescriptorProto:
    return descriptor_pb2.FileDescriptorProto(
        name=name, package=package, dependency=dependencies, syntax="proto3"
    )


def _message(
    file: descriptor_pb2.FileDescriptorProto,
    name: str,
    fields: Fields,
    repeated: frozenset[str] | set[str] = frozenset(),
) -> descriptor_pb2.DescriptorProto:
    message = file.message_type.add(name=name)
    for field_name, (number, kind) in fields.items():
        field = message.field.add(name=field_name, number=number)
        field.label = (
            _Field.LABEL_REPEATED if field_name in repeated else _Field.LABEL_OPTIONAL
        )
        if isinstance(kind, str):
            field.type, field.type_name = _Field.TYPE_MESSAGE, kind
        else:
            field.type = _Field.Type.ValueType(kind)
    return message
