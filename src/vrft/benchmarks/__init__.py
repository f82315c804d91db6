"""The paper's benchmarks as recipes for data on disk: what to fetch, whether it is right, the exact splits.

A suite is in a file of this folder that defines ``SUITES``. ``python -m vrft.benchmarks`` lists them.
"""
