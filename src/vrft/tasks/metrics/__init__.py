"""What tasks are measured by; a task of your own makes a ``Metric`` of its own."""

from vrft.tasks.metrics.metric import Metric, mean_of
from vrft.tasks.metrics.shared_metrics import (
    ACC50,
    ACCURACY,
    ACCURACY_CLASS_MEAN,
    ACCURACY_LENIENT,
    AP,
    AP50,
    AP75,
    AP_BY_SIZE,
    MEAN_IOU,
)

__all__ = [
    "ACC50",
    "ACCURACY",
    "ACCURACY_CLASS_MEAN",
    "ACCURACY_LENIENT",
    "AP",
    "AP50",
    "AP75",
    "AP_BY_SIZE",
    "MEAN_IOU",
    "Metric",
    "mean_of",
]
