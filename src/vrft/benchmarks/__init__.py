"""The paper's benchmarks as recipes for data on disk: what to fetch, whether it is right, the exact splits.

A suite is one file in this folder that defines ``SUITE``. ``python -m vrft.benchmarks`` lists them.
"""
