# kestra-secrets with what the embedded provider needs: a JDK, Maven, and both engines built.
#   docker build --tag kestra-secrets .
#   docker run --rm --volume "$PWD:/work:ro" --workdir /work kestra-secrets lint .
# For a cluster, mount a kubeconfig; as root, for it is its owner's alone to read:
#   docker run --rm --network host --user 0 --volume ~/.kube:/root/.kube:ro kestra-secrets audit --context NAME --namespace NS
# Where images come by a mirror: --build-arg RUST=MIRROR/rust:1-bookworm --build-arg JAVA=MIRROR/maven:3-eclipse-temurin-25
ARG RUST=rust:1-bookworm
ARG JAVA=maven:3-eclipse-temurin-25

FROM ${RUST} AS program
WORKDIR /sources
COPY . .
RUN cargo install --path . --locked --root /program

FROM ${JAVA}
RUN useradd --create-home kestra
COPY --from=program /program/bin/kestra-secrets /usr/local/bin/kestra-secrets
USER kestra
WORKDIR /home/kestra
# Both engines are built and proved here, so that a run fetches nothing; helm comes with its pinned checksum.
RUN kestra-secrets run extra-env secret-key-ref --provider embedded
ENTRYPOINT ["kestra-secrets"]
