# The image of Flower, the page that shows workers and tasks as Celery sees them. It is built here and not taken from
# elsewhere so that its Celery is the one that Ringback runs on: RabbitMQ refuses the event queues of older ones.

FROM python:3.13-slim-trixie AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
COPY requirements/flower.txt requirements/
RUN python -m venv --without-pip /opt/flower \
 && pip --python /opt/flower/bin/python install --require-hashes --only-binary :all: -r requirements/flower.txt \
 && /opt/flower/bin/python -m compileall -q /opt/flower/lib
COPY deploy/health.py /opt/flower/health.py

FROM python:3.13-slim-trixie
RUN python -m pip uninstall --yes --root-user-action=ignore pip \
 && groupadd --system --gid 10001 ringback \
 && useradd --system --uid 10001 --gid ringback --no-create-home --shell /usr/sbin/nologin ringback
COPY --from=build /opt/flower /opt/flower
ENV PATH=/opt/flower/bin:$PATH HOME=/tmp PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /opt/flower
USER 10001:10001
EXPOSE 5555
CMD ["celery", "--quiet", "flower"]
