"""``glyphs.npz`` of the miniature, made from scikit-learn's copy of the digits; takes the path to write."""

from __future__ import annotations

import sys

import numpy as np
from sklearn.datasets import load_digits

if __name__ == "__main__":
    images, labels = (part.astype(np.uint8) for part in (load_digits().images, load_digits().target))
    np.savez_compressed(sys.argv[1], images=images, labels=labels)
