"""The promises under a few quick faults, and a checker that can fail; `make chaos` runs all of them, for longer."""

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.chaos.cluster import Cluster, running_cluster
from tests.chaos.faults.processes import BRIEF
from tests.chaos.rounds import run_round
from tests.chaos.teeth import TEETH, bites

SOME = ("api1", "worker1", "deliverer1", "deliverer2")
SEED = 7
RATE = 40

pytestmark = [pytest.mark.xdist_group("rabbitmq"), pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Generator[Cluster]:
    """The product on RabbitMQ and durable stores of its own."""
    with running_cluster(tmp_path_factory.mktemp("chaos"), SOME) as running:
        yield running


def test_nothing_is_lost_whatever_dies(cluster: Cluster, tmp_path: Path) -> None:
    result = run_round(cluster, BRIEF, tmp_path / "round", seed=SEED, rate=RATE, after=1.0)

    assert result.violations == []
    assert result.accepted > 0


@pytest.mark.parametrize("protection", ["dedupe", "success"])
def test_the_checker_sees_that_a_protection_is_missing(cluster: Cluster, tmp_path: Path, protection: str) -> None:
    (tooth,) = [one for one in TEETH if one.protection == protection]

    result = bites(cluster, tooth, tmp_path / "round", seed=SEED, rate=RATE)

    assert result.violations == []
