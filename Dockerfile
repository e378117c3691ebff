# One image for web and worker; the database is outside: set DATABASE_URL and DUSANGIRE_SECRET.
FROM python:3.11-slim-bookworm AS build
WORKDIR /app
COPY requirements.lock pyproject.toml README.md ./
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY src src
COPY templates templates
COPY static static
COPY migrations migrations
COPY piccolo_conf.py ./
RUN /venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation -e .

FROM python:3.11-slim-bookworm
RUN useradd --system --create-home --uid 10001 dusangire
COPY --from=build /venv /venv
COPY --from=build --chown=dusangire /app /app
WORKDIR /app
USER 10001
ENV PATH=/venv/bin:$PATH HOST=0.0.0.0 PORT=8000 DUSANGIRE_ENV=production DUSANGIRE_HOME=/home/dusangire/data PYTHONUNBUFFERED=1
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=3s CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/health/ready', timeout=2)"]
CMD ["dusangire", "serve"]
