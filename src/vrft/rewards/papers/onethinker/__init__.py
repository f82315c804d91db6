"""OneThinker's released rewards (arXiv 2512.03043, its ``onethinker_reward.py``), quirks included.

A total is .9 accuracy + .1 format + a bonus for structure that is 0 without the format. For comparison with
its figures; do not train on them.
"""
