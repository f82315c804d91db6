"""VLM-R1's rewards (arXiv 2504.07615): the paper's rules for detection, to train on, and in ``*_released_*``
what its code gives (github.com/om-ai-lab/VLM-R1, commit 90052f478646), holes included, for comparison.
"""
