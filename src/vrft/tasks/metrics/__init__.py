"""What tasks are measured by; a task of your own makes a ``Metric`` of its own."""

from vrft.tasks.metrics.box_metrics import ACC50, AP, AP50, AP75, AP_BY_SIZE, MEAN_IOU
from vrft.tasks.metrics.label_metrics import ACCURACY, ACCURACY_CLASS_MEAN, ACCURACY_LENIENT
from vrft.tasks.metrics.metric import Metric, mean_of

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
