"""`python -m benchmarks [NAME] [OPTIONS]`: run a benchmark and print its result as JSON."""

import argparse

from benchmarks import tasks

BENCHMARKS = {"tasks": tasks.main}


def main() -> None:
    """Run the benchmark that is named."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", nargs="?", default="tasks", choices=BENCHMARKS)
    name, rest = parser.parse_known_args()
    BENCHMARKS[name.name](rest)


if __name__ == "__main__":
    main()
