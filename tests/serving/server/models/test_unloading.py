"""A model that is unloaded gives its memory back, and holds nobody up."""

import json
import pathlib
import subprocess
import sys

import pytest

LOADS, SETTLED = 60, 10

SCRIPT = """
import json, os, pathlib, sys, threading, time
from serving.server.loading import SavedModelLoader
from serving.server.models import ModelEntry
from serving.server.models.version import ServedVersion

def resident_mb():
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

path, loads = pathlib.Path(sys.argv[1]), int(sys.argv[2])
entry, version = ModelEntry(name="m", base_path=str(path)), str(path / "1")
rows = []
for _ in range(loads):
    loaded = SavedModelLoader()(entry, ServedVersion("m", 1, version))
    start = time.perf_counter()
    loaded.close()
    close_s = time.perf_counter() - start
    del loaded
    rows.append((resident_mb(), close_s, len(os.listdir("/proc/self/task"))))
print(json.dumps(rows))
"""


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("kind", ["number", "text"])
def test_memory_and_threads_do_not_grow_with_loads(
    kind: str, tmp_path: pathlib.Path
) -> None:
    from tests.support.serving import saved_models

    getattr(saved_models, f"save_{kind}_model")(tmp_path / "1")
    command = [sys.executable, "-c", SCRIPT, str(tmp_path), str(LOADS)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    megabytes, close_s, threads = zip(*json.loads(done.stdout), strict=True)
    assert megabytes[-1] <= 1.05 * megabytes[SETTLED], megabytes
    assert threads[-1] <= threads[SETTLED]
    # A collection of all of TensorFlow's objects takes 0.2 s with the GIL held.
    assert sorted(close_s)[LOADS // 2] < 0.1, close_s
