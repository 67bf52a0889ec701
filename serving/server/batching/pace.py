"""How many rows are worth computing together, by how long the last batches took."""

import weakref

from serving.server.servable import Servable

MIN_ROWS = 8
"""So many always. On a CPU the time a text takes hardly falls beyond them."""
BATCH_S = 0.01
"""More rows only while a batch stays below this: beyond it, more rows mostly mean more
padding, and everybody waits for the last."""
QUICK_ROW_S = 0.001
_NEWEST = 0.2


class BatchPace:
    """Seconds per row of every signature, as an average that forgets."""

    def __init__(self) -> None:
        self._row_s: weakref.WeakKeyDictionary[Servable, dict[str, float]] = (
            weakref.WeakKeyDictionary()
        )

    def rows(self, servable: Servable, signature_name: str) -> int:
        """The rows that a batch should have, at most."""
        row_s = self._row_s.get(servable, {}).get(signature_name, 0.0)
        return max(MIN_ROWS, int(BATCH_S / row_s)) if row_s else MIN_ROWS

    def is_quick(self, servable: Servable, signature_name: str) -> bool:
        """True when a request costs the server about as much as it costs the model."""
        row_s = self._row_s.get(servable, {}).get(signature_name, 0.0)
        return row_s < QUICK_ROW_S

    def record(
        self, servable: Servable, signature_name: str, rows: int, run_s: float
    ) -> None:
        """Takes note of a batch. Small ones say little: a run has its own cost."""
        if rows < MIN_ROWS // 2:
            return
        known = self._row_s.setdefault(servable, {})
        row_s = run_s / rows
        known[signature_name] = row_s * _NEWEST + (1 - _NEWEST) * known.get(
            signature_name, row_s
        )
