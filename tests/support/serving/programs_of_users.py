"""What users write who have only `ktp-client` or `ktp-edge`; valid on Python 3.9.

Each prints one JSON object, and fails where a module of the pipeline was imported.
"""

ASK_A_SERVER = """
import asyncio, json, sys
from ktp_client import AsyncClient, Client, ClientConfig, CodecError, Prediction
import ktp_client
import numpy as np

texts = ["a", "bb", "cccc"]
found = {}
for transport, endpoint in zip(("grpc", "rest"), sys.argv[1:3]):
    settings = {"transport": transport, "deadline_s": 30}
    with Client(endpoint, max_rows_per_request=2, **settings) as client:
        found[transport] = [one.label for one in client.classify(t for t in texts)]
        assert len(list(client.classify_iter(iter(texts)))) == 3
        halves = client.predict({"x": np.float32([1, 3])}, "half")["y"]
        assert halves.tolist() == [0.5, 1.5]
        assert len(client.regress([{"age": 3}, {"name": ["a"]}], "regress")) == 2
        assert client.metadata().version == 1 and client.is_ready()
        try:
            client.classify(["a", "b\\udce9"])
        except CodecError as error:
            assert "texts[1]" in str(error)
        else:
            raise AssertionError("a lone surrogate was sent")
        try:
            client.predict({"code": np.int32(5)}, "fail")
        except ktp_client.NotFoundError:
            pass

    async def ask():
        async with AsyncClient(endpoint, max_rows_per_request=2, **settings) as client:
            impatient = {**settings, "deadline_s": 0.2}
            hasty = AsyncClient(endpoint, retries=0, **impatient)
            try:
                await hasty.predict({"seconds": np.float32(20)}, "sleep")
            except ktp_client.DeadlineExceededError:
                pass
            else:
                raise AssertionError("no deadline was kept")
            await hasty.close()
            return [one.label for one in await client.classify(iter(texts))]

    assert asyncio.run(ask()) == found[transport]
    late = Client(endpoint, hedge_after_s=0.001, **settings)
    assert [one.label for one in late.classify(texts)] == found[transport]
    late.close()
# (httpx takes click where it is.)
ours = {"model", "serving", "components", "pipeline", "tensorflow"}
assert not ours & sys.modules.keys(), ours & sys.modules.keys()
print(json.dumps(found))
"""

ASK_A_DEVICE = """
import json, pickle, sys, threading
from ktp_edge import EdgeClassifier, EdgeError, Prediction, TextError
texts = ["Where is my card?", "no cash", "\\u00bfD\\u00f3nde? \\U0001f600"]
with EdgeClassifier(sys.argv[1]) as classifier:
    answers = classifier.classify(iter(texts))
    assert pickle.loads(pickle.dumps(classifier)).classify(texts) == answers
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(classifier.classify(texts)))
        for _ in range(8)
    ]
    [one.start() for one in threads], [one.join() for one in threads]
    assert found == [answers] * 8
    wrongs = ("a text", TypeError), ([None], TypeError), (["\\ud800"], TextError)
    for wrong, kind in wrongs:
        try:
            classifier.classify(wrong)
        except kind:
            continue
        raise AssertionError(wrong)
ours = {"model", "serving", "components", "pipeline", "tensorflow", "click"}
assert not ours & sys.modules.keys(), ours & sys.modules.keys()
print(json.dumps([one.to_dict() for one in answers]))
"""
