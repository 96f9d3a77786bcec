# The broker as an image: hashed pins, no compiler, an unprivileged user, a root file system that may be read-only (docs/containers.md).
# `docker build .` makes it without the demonstration; `docker build --target demo .` with it.
# The Python version is the one that the checks run on.
ARG PYTHON_VERSION=3.11

FROM python:${PYTHON_VERSION}-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /app
RUN python -m venv .venv
COPY requirements/runtime.txt requirements/runtime.txt
RUN .venv/bin/pip install --require-hashes --only-binary :all: --requirement requirements/runtime.txt
COPY pyproject.toml LICENSE ./
COPY requirements/runtime.in requirements/runtime.in
COPY schemas schemas
COPY adapters adapters
COPY broker broker
# The program runs from this folder, as it does from a checkout: definitions, policy and migrations lie beside the code.
RUN .venv/bin/pip install --no-deps --no-build-isolation --editable . \
    && .venv/bin/python -m compileall -q schemas adapters broker

FROM python:${PYTHON_VERSION}-slim-bookworm AS broker
RUN groupadd --system --gid 10001 baton \
    && useradd --system --uid 10001 --gid baton --home-dir /app --no-create-home --shell /usr/sbin/nologin baton \
    && mkdir -p /app/var && chown baton:baton /app/var
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
# All that is ever written: the embedded database. Everything else may be mounted read-only.
VOLUME /app/var
EXPOSE 8000
# Asks whether the process lives; whether it is ready to serve is /readyz, for whoever sends it traffic.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["baton"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]

# With the demonstration's directory and stories, for `serve --demo` and `baton replay`.
FROM broker AS demo
COPY deploy/directory deploy/directory
COPY deploy/scenarios deploy/scenarios

# The last one is what a build makes that names none.
FROM broker AS production
