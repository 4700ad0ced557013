"""`python -m workers.delivery`: one deliverer process, with its feeder and the upkeep."""

from workers.delivery.deliverer import main

main()
