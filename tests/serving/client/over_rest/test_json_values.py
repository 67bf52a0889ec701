"""tf.Examples in JSON; arrays are seen in what the clients send and read."""

import json

from serving.client.over_rest.json_values import encode_example


def test_json_keeps_floats_apart_from_integers_and_bytes_apart_from_text() -> None:
    example = {"f": 2.0, "i": 2, "s": "ö", "b": b"\xff"}
    text = json.dumps(encode_example(example))
    assert json.loads(text) == {
        "f": [2.0],
        "i": [2],
        "s": ["ö"],
        "b": [{"b64": "/w=="}],
    }
    assert '"f": [2.0]' in text
