# One file for both images: what trains, and what serves.
#
#     make image                     keras-transformer-pipeline: every step of a compiled
#                                    pipeline, a worker of a training, the command line
#     make image IMAGE_SET=gpu       the same with CUDA's libraries
#     make server-image              keras-transformer-server: takes the place of
#                                    tensorflow/serving, with its ports, variables, flags
#
# BASE is any Debian or Ubuntu with a python3 that has venv: 3.11, or 3.12 or 3.13 with
# glibc 2.39. Tags can be moved: give the digest of the one you tested.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
# A set of requirements/: server, pipeline or gpu.
ARG SET
# Where packages come from, if not from the public index: only while this is built.
ARG PIP_INDEX_URL
ARG PIP_CERT
ARG UV_DEFAULT_INDEX
ARG SSL_CERT_FILE
WORKDIR /src
# pip and uv stay in this stage: the environment is made without, and filled from outside.
COPY requirements/tools.txt requirements/
RUN python3 -m venv /tools && python3 -m venv --without-pip /opt/ktp \
    && /tools/bin/python -m pip install --no-cache-dir --no-deps --only-binary :all: \
        --require-hashes --requirement requirements/tools.txt
# Of TFX's needs one comes as source, in C++; the server's all come as wheels.
RUN if [ "${SET}" = server ] || command -v g++ > /dev/null; then exit; fi \
    && apt-get update && apt-get install --yes --no-install-recommends g++ python3-dev
COPY scripts/closure.py scripts/
COPY requirements requirements
# The byte code is made here, because the file system may be read-only. Headers and
# libclang are for those who write operators in C++.
RUN closure=$(python3 scripts/closure.py) \
    && /tools/bin/uv pip sync --no-cache --compile-bytecode --python /opt/ktp/bin/python \
        --require-hashes --build-constraints requirements/tools.txt \
        $([ "${SET}" != server ] || echo --only-binary :all:) \
        "requirements/${SET}-${closure}.txt" \
    && site=$(echo /opt/ktp/lib/python3.*/site-packages) \
    && rm -rf "${site}/tensorflow/include" "${site}/pyarrow/include" "${site}/clang/native"
COPY pyproject.toml README.md LICENSE ./
COPY model model
COPY serving serving
COPY components components
COPY pipeline pipeline
# By the pinned backend, so that nothing unpinned is fetched.
RUN /tools/bin/python -m pip wheel --no-cache-dir --no-deps --no-build-isolation \
        --wheel-dir /wheels . \
    && /tools/bin/uv pip install --no-cache --compile-bytecode --no-deps --no-index \
        --python /opt/ktp/bin/python /wheels/*.whl

FROM ${BASE} AS pipeline
LABEL org.opencontainers.image.title="keras-transformer-pipeline" \
      org.opencontainers.image.licenses="Apache-2.0"
# Kubeflow's launcher, which runs as this user, mirrors artifacts in these folders.
RUN mkdir /gcs /s3 /minio && chown 10001:10001 /gcs /s3 /minio
COPY --from=build /opt/ktp /opt/ktp
ENV PATH=/opt/ktp/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp
# A number, so that Kubernetes can tell that it is not root.
USER 10001:10001
WORKDIR /tmp
# What ends by itself needs no check of its health.
HEALTHCHECK NONE
ENTRYPOINT ["ktp"]

FROM ${BASE} AS server
LABEL org.opencontainers.image.title="keras-transformer-server" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/ktp /opt/ktp
# Under the names that existing manifests and scripts use.
COPY serving/image/tensorflow_model_server serving/image/tf_serving_entrypoint.sh /usr/bin/
ENV PATH=/opt/ktp/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    MODEL_BASE_PATH=/models \
    MODEL_NAME=model
USER 10001:10001
WORKDIR /tmp
EXPOSE 8500 8501
# The port is closed until the models are loaded. Where REST is encrypted or elsewhere,
# give docker run another --health-cmd.
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s --retries=6 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://localhost:8501/healthz', timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/bin/tf_serving_entrypoint.sh"]
