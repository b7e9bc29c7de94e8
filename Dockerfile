# Lesion Tracker with CUDA. Runs on machines without a GPU, too.
#   docker build -t lesion-tracker .
#   docker run --gpus all -p 127.0.0.1:8000:8000 -v /path/to/studies:/studies lesion-tracker
FROM nvidia/cuda:12.8.1-base-rockylinux9

RUN dnf install -y python3.11 python3.11-devel gcc gcc-c++ make && dnf clean all

RUN useradd --create-home --uid 1000 tracker && mkdir -p /app /studies && chown tracker /app /studies
USER tracker
WORKDIR /app

# The same commands as on any other machine; the requirements are a layer of their own, so that a change of the app does
# not install them anew.
COPY --chown=tracker Makefile requirements.txt constraints.txt ./
COPY --chown=tracker apps/lesion_tracker/scripts/check_machine.sh apps/lesion_tracker/scripts/check_machine.sh
RUN make .venv/.requirements

COPY --chown=tracker pyproject.toml LICENSE README.md ./
COPY --chown=tracker apps apps
RUN make venv

# A named volume starts with the weights of the image; published ones stay in it. The last holds the marks of a PACS.
RUN mkdir -p /home/tracker/.local/share/lesion_tracker
VOLUME ["/studies", "/app/apps/lesion_tracker/model", "/home/tracker/.local/share/lesion_tracker"]
EXPOSE 8000

HEALTHCHECK --interval=30s --timeout=10s --start-period=120s --retries=3 \
    CMD ["/app/.venv/bin/python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/favicon.ico', timeout=8)"]

CMD ["/app/.venv/bin/python", "-m", "lesion_tracker.server.start", "start_server", "--app", "/app/apps/lesion_tracker", "--studies", "/studies", "--host", "0.0.0.0", "--port", "8000"]
