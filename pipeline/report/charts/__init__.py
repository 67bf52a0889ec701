"""The drawings of the report."""

from pipeline.report.charts import (
    data,
    drawing,
    heatmap,
    learning_curves,
    quality,
    trials,
)

__all__ = ["data", "drawing", "heatmap", "learning_curves", "quality", "trials"]
