"""`python -m benchmarks NAME [OPTIONS]`: run a benchmark and print its result as JSON."""

import argparse
from importlib import import_module
from typing import Final

NAMES: Final = (
    "accept",
    "dashboard",
    "deliver",
    "fanout",
    "goals",
    "growth",
    "isolation",
    "memory",
    "naive",
    "tasks",
    "through",
)


def main() -> None:
    """Run the benchmark that is named."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("options", nargs=argparse.REMAINDER, help="see `python -m benchmarks NAME --help`")
    asked = parser.parse_args()
    import_module(f"benchmarks.drivers.{asked.name}").main(asked.options)


if __name__ == "__main__":
    main()
