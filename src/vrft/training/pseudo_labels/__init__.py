"""Pseudo-labels: what the answers to questions without labels agree on, as training questions."""

from vrft.training.pseudo_labels.pseudo_labels import NO_PSEUDO, PseudoLabel, PseudoLabels, pseudo_labels
from vrft.training.pseudo_labels.pseudo_options import Outcome, PseudoOptions

__all__ = ["NO_PSEUDO", "Outcome", "PseudoLabel", "PseudoLabels", "PseudoOptions", "pseudo_labels"]
