#!/bin/sh
# What the image of tensorflow/serving starts: its ports, names from the environment. The
# shell is gone by `exec`: the server is process 1, and it handles SIGTERM itself.
exec tensorflow_model_server --port=8500 --rest_api_port=8501 \
    --model_name="$MODEL_NAME" --model_base_path="$MODEL_BASE_PATH/$MODEL_NAME" "$@"
