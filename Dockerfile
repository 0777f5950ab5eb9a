# The pages, the inference service and the embedded database in one container. The project's own CI
# does not build this image: `make check-container` lints it, and compose.yaml shows how it runs.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY . .
# hadolint ignore=DL3013 # the package is this checkout
RUN pip install --no-cache-dir --prefix=/install '.[heif]'

FROM python:3.11-slim-bookworm
COPY --from=build /install /usr/local
RUN useradd --uid 10001 --create-home --home-dir /data open_analytic
USER 10001
WORKDIR /data
# The database and the models stay in /data: mount a volume there.
ENV OPEN_ANALYTIC_HOME=/data/database \
    OPEN_ANALYTIC_MODELS_DIR=/data/models \
    PYTHONUNBUFFERED=1
VOLUME /data
EXPOSE 8000
# The first start fetches models, which can take minutes.
HEALTHCHECK --start-period=300s --interval=30s --timeout=5s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health/ready', timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["open-analytic"]
# Outside the loopback address the pages need a token: set OPEN_ANALYTIC_SERVICE_TOKEN.
CMD ["serve", "--web-tcp", "0.0.0.0:8000"]
