# The product, and with another command the simulator. Two stages: packages are built where compilers are, used where not.
FROM python:3.11-slim-bookworm AS packages
WORKDIR /build
COPY requirements.txt constraints.txt ./
RUN python -m venv /venv \
 && /venv/bin/pip install --no-cache-dir --disable-pip-version-check -r requirements.txt

FROM python:3.11-slim-bookworm
# What the Microsoft SQL driver loads when it signs in.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends libltdl7 libkrb5-3 libgssapi-krb5-2 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --create-home --shell /usr/sbin/nologin provider \
 && install -d -o provider -g provider /var/lib/simulator /app
COPY --from=packages /venv /venv
WORKDIR /app
COPY --chown=provider:provider . .
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 STATIC_ROOT=/app/staticfiles
RUN SPP_ENVIRONMENT=production python manage.py collectstatic --no-input --skip-checks
USER provider
# The placement engine's search is compiled once, here; a read-only container copies it to its /tmp.
ENV XDG_CACHE_HOME=/home/provider/.cache
RUN python -m placement.engine.warm
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["python", "-m", "granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--workers", "1", "--blocking-threads", "4", "--no-ws", "--respawn-failed-workers", "controlplane.wsgi:application"]
