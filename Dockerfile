# The operator and the MCP server. Build with the repository as context:
#   docker build --build-arg EXTRAS="--extra=operator" -t penstock-operator .
#   docker build --build-arg EXTRAS="--extra=operator --extra=mcp" -t penstock-mcp .
# Another BASE needs python3 (3.11 or later, with pip and venv for the first stages).
ARG BASE=docker.io/library/python:3.13-slim-bookworm

# What the lock file names, apart from our own code: that changes far more often, and this is nearly all of the image.
FROM ${BASE} AS dependencies
ARG UV_VERSION=0.13.8
RUN python3 -m pip install --no-cache-dir --no-compile --target=/uv uv==${UV_VERSION}
ENV UV_PROJECT_ENVIRONMENT=/opt/penstock UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_NO_CACHE=1
WORKDIR /src
ARG EXTRAS="--extra=operator --extra=mcp"
COPY pyproject.toml uv.lock ./
RUN /uv/bin/uv sync --quiet --frozen --no-dev --no-install-project ${EXTRAS}

FROM dependencies AS own
COPY . .
RUN /uv/bin/uv pip install --quiet --python=/opt/penstock/bin/python --no-deps --target=/opt/own .

FROM ${BASE}
COPY --from=dependencies /opt/penstock /opt/penstock
COPY --from=own /opt/own /opt/own
ENV PATH=/opt/penstock/bin:/opt/own/bin:$PATH PYTHONPATH=/opt/own LANG=C.UTF-8
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# No user of that number is in /etc/passwd, where Python's getpass would look next.
ENV USER=penstock HOME=/tmp
LABEL org.opencontainers.image.title=penstock org.opencontainers.image.licenses=Apache-2.0
USER 65532:65532
WORKDIR /tmp
CMD ["python", "-m", "penstock.handlers"]
