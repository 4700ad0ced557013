"""Runs a process of the product that also trusts the benchmark's own certificate authority, and nothing else is new.

`python -m benchmarks.trusting MODULE`; the file of authorities is named by BENCHMARK_AUTHORITIES. The product trusts
certifi's authorities only, on purpose, so that there is no setting for this.
"""

import os
import runpy
import sys

import certifi


def main() -> None:
    """Run the module that is named."""
    authorities = os.environ["BENCHMARK_AUTHORITIES"]
    certifi.where = lambda: authorities
    module = sys.argv.pop(1)
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
