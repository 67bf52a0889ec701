"""A model that is unloaded gives its memory back, and holds nobody up."""

import json
import pathlib
import subprocess
import sys

import pytest

LOADS, SETTLED = 60, 10

SCRIPT = """
import gc, json, os, pathlib, sys
from serving.server.flags import ServerFlags
from serving.server.loading.loader import SavedModelLoader
from serving.server.models.config import ModelEntry
from serving.server.models.version import ServedVersion

def resident_mb():
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

path, loads = pathlib.Path(sys.argv[1]), int(sys.argv[2])
entry, version = ModelEntry(name="m", base_path=str(path)), str(path / "1")
rows = []
for _ in range(loads):
    loaded = SavedModelLoader(ServerFlags())(entry, ServedVersion("m", 1, version))
    loaded.close()
    del loaded
    threads = len(os.listdir("/proc/self/task"))
    rows.append((resident_mb(), len(gc.get_objects()), threads))
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
    megabytes, objects, threads = zip(*json.loads(done.stdout), strict=True)
    assert megabytes[-1] <= 1.05 * megabytes[SETTLED], megabytes
    assert threads[-1] <= threads[SETTLED]
    # A collection of all of TensorFlow's half a million takes 0.2 s with the GIL held.
    assert max(objects) < 10_000, objects
