"""`python -m workers`: one Celery worker with its children."""

from workers.app import main

main()
