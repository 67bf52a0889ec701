"""Batch settings follow their file, without a restart."""

import pathlib
import threading

from serving.server.app import ServerApp
from serving.server.flags import ServerFlags
from tests.support.patience import wait_until
from tests.support.serving.fakes import free_port


def test_a_changed_file_changes_the_model_that_is_served(
    number_model: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    file = tmp_path / "batching.config"
    file.write_text("max_batch_size { value: 8 }")
    refresh, stop = threading.Event(), threading.Event()
    app = ServerApp(
        ServerFlags(
            port=free_port(),
            model_name="m",
            model_base_path=str(number_model.parent),
            enable_batching=True,
            batching_parameters_file=str(file),
        )
    )

    def should_refresh() -> bool:
        was_set = refresh.is_set()
        refresh.clear()
        return was_set

    def size() -> int:
        with app.manager.lease("m") as version:
            config = version.servable.batching
            return 0 if config is None else config.max_batch_size

    app.start()
    running = threading.Thread(
        target=app.run_until, args=(stop.is_set, should_refresh), daemon=True
    )
    running.start()
    wait_until(lambda: app.health.is_ready)
    assert size() == 8
    for text in ("no sense", "max_batch_size { value: 16 }"):
        file.write_text(text)
        refresh.set()
        wait_until(lambda: not refresh.is_set())
    wait_until(lambda: size() == 16)
    stop.set()
    running.join(10)
    app.stop()
