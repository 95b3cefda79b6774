# syntax=docker/dockerfile:1
# One image for every process of Rewire: `manage.py run web`, `worker`, `timers`, `beat`.
# The packages are those of requirements.lock, each with its hash, without demo and tests.

FROM python:3.11-slim AS build

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 UV_NO_CACHE=1 UV_LINK_MODE=copy
WORKDIR /app
RUN python -m venv /venv && python -m venv /uv
COPY pyproject.toml requirements.lock ./
RUN sed -n '/^uv==/,/[^\\]$/p' requirements.lock > /tmp/uv.lock \
    && /uv/bin/pip install --require-hashes -r /tmp/uv.lock \
    && /uv/bin/uv pip install --python /venv/bin/python --compile-bytecode --require-hashes \
        -r pyproject.toml -c requirements.lock
COPY . .
# Any key will do here, and none is kept: it signs nothing.
RUN SECRET_KEY=build STATIC_ROOT=/app/staticfiles REWIRE_HOME=/tmp/home \
    /venv/bin/python manage.py collectstatic --no-input


FROM python:3.11-slim

RUN groupadd --gid 10001 rewire \
    && useradd --uid 10001 --gid rewire --no-create-home --shell /usr/sbin/nologin rewire \
    && install -d -o rewire -g rewire -m 700 /var/lib/rewire
COPY --from=build /venv /venv
COPY --from=build /app /app
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0 \
    STATIC_ROOT=/app/staticfiles \
    REWIRE_HOME=/var/lib/rewire
WORKDIR /app
USER 10001:10001
EXPOSE 8000
ENTRYPOINT ["python", "manage.py"]
CMD ["run", "web"]
