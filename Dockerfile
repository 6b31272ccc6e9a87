# The containers of the system, one target for each; docker-compose.yml runs them together.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
WORKDIR /src
# What is copied from here has no installer in it.
RUN python3 -m venv /opt/pip && python3 -m venv --without-pip /opt/patientmgmt
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# Dependencies come first, since they change less often than the code.
COPY pyproject.toml constraints.txt ./
RUN python3 -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"], sep="\n")' \
      > requirements.txt \
 && /opt/pip/bin/pip --python /opt/patientmgmt/bin/python install \
      --only-binary :all: -c constraints.txt -r requirements.txt
COPY . .
RUN /opt/pip/bin/pip wheel --no-deps --wheel-dir dist . \
 && /opt/pip/bin/pip --python /opt/patientmgmt/bin/python install --no-deps dist/*.whl

FROM ${BASE} AS program
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin patientmgmt \
 && install --directory --owner patientmgmt --group patientmgmt /var/lib/patientmgmt
COPY --from=build /opt/patientmgmt /opt/patientmgmt
ENV PATH=/opt/patientmgmt/bin:$PATH \
    PERSISTENCE_MODULE=eventstore_cassandra \
    PATIENTMGMT_DATA=/var/lib/patientmgmt
WORKDIR /var/lib/patientmgmt
USER 10001:10001
ENTRYPOINT ["patientmgmt"]

FROM program AS init
HEALTHCHECK NONE
CMD ["init"]

FROM program AS worker
# Workers make themselves known every three seconds, for ten; a container has one of them.
HEALTHCHECK --interval=15s --timeout=15s --start-period=60s --retries=3 \
  CMD patientmgmt projections status ward_board | grep --quiet " on $(hostname) since "
CMD ["worker"]

FROM program AS grpc-store
ENV GRPC_HOST=0.0.0.0 GRPC_PORT=8081
HEALTHCHECK --interval=10s --timeout=10s --start-period=60s --retries=3 \
  CMD patientmgmt grpc-health --address 127.0.0.1:$GRPC_PORT
EXPOSE 8081
CMD ["grpc-store"]

FROM program AS web
ENV HOST=0.0.0.0 PORT=8000
HEALTHCHECK --interval=10s --timeout=10s --start-period=60s --retries=3 \
  CMD python3 -c "from urllib.request import urlopen; urlopen('http://127.0.0.1:$PORT/health/ready')"
EXPOSE 8000
CMD ["serve"]
