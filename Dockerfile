# kestra-secrets with everything that the embedded provider needs: a JDK, Maven, and both engines, already built.
#   docker build --tag kestra-secrets .
#   docker run --rm --volume "$PWD:/work:ro" --workdir /work kestra-secrets lint .
# For a cluster, mount a kubeconfig. Run as root, because only its owner can read it:
#   docker run --rm --network host --user 0 --volume ~/.kube:/root/.kube:ro kestra-secrets audit --context NAME --namespace NS
# If images come from a mirror: --build-arg RUST=MIRROR/rust:1-bookworm --build-arg JAVA=MIRROR/maven:3-eclipse-temurin-25
ARG RUST=rust:1-bookworm
ARG JAVA=maven:3-eclipse-temurin-25

FROM ${RUST} AS program
WORKDIR /sources
COPY . .
RUN cargo install --path . --locked --root /program

FROM ${JAVA}
# The manifests in deploy/ name this user: its home has helm.
RUN useradd --create-home --uid 10001 kestra
COPY --from=program /program/bin/kestra-secrets /usr/local/bin/kestra-secrets
USER 10001
WORKDIR /home/kestra
# This builds and tests both engines, so that a later run downloads nothing. It also fetches helm, by its pinned checksum.
RUN kestra-secrets run extra-env secret-key-ref --provider embedded
ENTRYPOINT ["kestra-secrets"]
