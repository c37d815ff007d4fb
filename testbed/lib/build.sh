# shellcheck shell=bash
# build, images, bin, clean: what is made, from what, and where it lies.

# What Debian's packages give a node; the list of kind's own image, plus the runtime that kind
# compiles itself.
NODE_PACKAGES=systemd,systemd-sysv,containerd,runc,containernetworking-plugins,conntrack,iptables
NODE_PACKAGES+=,nftables,iproute2,ethtool,socat,util-linux,mount,kmod,libseccomp2,bash
NODE_PACKAGES+=,ca-certificates,curl,jq,procps

KEY_LABEL=kestra-secrets.testbed.key

node_ref() {
  printf 'kestra-secrets/node:%s\n' "$1"
}

kestra_ref() {
  printf 'kestra-secrets/kestra:%s\n' "$1"
}

# Sets the paths of all that is made. Each name holds a key over what the thing is made of, so a
# path that exists is up to date, and a changed version or script has another path.
plan() {
  local version
  kind=$CACHE/tools/kind-$(key go-tool kind "$KIND_VERSION")
  helm=$CACHE/tools/helm-$(key go-tool helm "$HELM_VERSION")
  registry=$CACHE/tools/registry-$(key go-tool registry "$REGISTRY_VERSION")
  helm4=$CACHE/tools/helm4-$(key go-tool helm "$HELM_4_VERSION")
  node_rootfs=$CACHE/parts/node-rootfs-$(key rootfs "$DEBIAN_RELEASE" "$NODE_PACKAGES").tar.zst
  declare -gA hyperkube node_key node_image
  for version in $KUBERNETES_VERSIONS; do
    hyperkube[$version]=$CACHE/parts/hyperkube-$version-$(key hyperkube "$version" "$HERE/hyperkube"/*.go \
      "$HERE/hyperkube/$(module_file "$version").mod" "$HERE/hyperkube/$(module_file "$version").sum" "$HERE/pause")
    node_key[$version]=$(key node-image "$version" "$KIND_VERSION" "$node_rootfs" "${hyperkube[$version]}" "$HERE/node" "$HERE/lib/archive.sh")
    node_image[$version]=$CACHE/images/node-$version-${node_key[$version]}.tar.zst
  done

  kestra_rootfs=$CACHE/parts/kestra-rootfs-$(key rootfs "$DEBIAN_RELEASE").tar.zst
  java=$CACHE/parts/java-$(key java "$JAVA_RELEASE").tar.zst
  declare -gA engine kestra_key kestra_image
  for version in $KESTRA_VERSIONS; do
    engine[$version]=$CACHE/parts/engine-$version-$(key engine "$version" "$JAVA_RELEASE" "$REPO/engine/pom.xml" "$REPO/engine/src")
    kestra_key[$version]=$(key kestra-image "$version" "$kestra_rootfs" "$java" "${engine[$version]}" \
      "$HERE/kestra/kestra" "$HERE/lib/train-engine" "$HERE/lib/archive.sh")
    kestra_image[$version]=$CACHE/images/kestra-$version-${kestra_key[$version]}.tar.zst
  done
}

labels() {
  jq -cn --arg name "$KEY_LABEL" --arg key "$1" '{($name): $key}'
}

# The two halves that are made side by side. What an image that is there was made of is not missed.
make_go() {
  local version
  make go-tool "$kind" sigs.k8s.io/kind "$KIND_VERSION"
  make go-tool "$helm" helm.sh/helm/v3/cmd/helm "$HELM_VERSION"
  make go-tool "$helm4" helm.sh/helm/v4/cmd/helm "$HELM_4_VERSION"
  make go-tool "$registry" github.com/distribution/distribution/v3/cmd/registry "$REGISTRY_VERSION"
  for version in $KUBERNETES_VERSIONS; do
    [[ -e ${node_image[$version]} ]] || make hyperkube "${hyperkube[$version]}" "$version" "$HERE/hyperkube" \
      "$HERE/hyperkube/$(module_file "$version").mod" "$HERE/pause"
  done
}

make_rest() {
  local version
  for version in $KUBERNETES_VERSIONS; do
    [[ -e ${node_image[$version]} ]] || make rootfs "$node_rootfs" "$DEBIAN_RELEASE" "$NODE_PACKAGES"
  done
  for version in $KESTRA_VERSIONS; do
    [[ ! -e ${kestra_image[$version]} ]] || continue
    make rootfs "$kestra_rootfs" "$DEBIAN_RELEASE"
    make java "$java" "$JAVA_RELEASE"
    make engine "${engine[$version]}" "$version" "$JAVA_RELEASE" "$REPO/engine"
    make kestra-image "${kestra_image[$version]}" "$(kestra_ref "$version")" "$(labels "${kestra_key[$version]}")" \
      "$kestra_rootfs" "$java" "${engine[$version]}" "$HERE/kestra/kestra"
  done
}

make_node() {
  local version
  for version in $KUBERNETES_VERSIONS; do
    make node-image "${node_image[$version]}" "$(node_ref "$version")" "$(labels "${node_key[$version]}")" "$version" \
      "$KIND_VERSION" "$node_rootfs" "${hyperkube[$version]}" "$HERE/node"
  done
}

# load ARCHIVE REF KEY: into the Docker daemon, unless it has this very image.
load() {
  local archive=$1 ref=$2 key=$3 old started=$SECONDS
  old=$(docker image inspect --format "{{.Id}} {{index .Config.Labels \"$KEY_LABEL\"}}" "$ref" 2>/dev/null) || old=
  [[ ${old#* } != "$key" || -z $old ]] || return 0
  decompress "$archive" | docker load -q >/dev/null
  # Its predecessor has lost its name; it goes unless a container still uses it.
  [[ -z $old ]] || docker image rm "${old% *}" >/dev/null 2>&1 || true
  say "$ref: loaded in $((SECONDS - started)) s"
}

load_node() {
  local version
  for version in $KUBERNETES_VERSIONS; do
    load "${node_image[$version]}" "$(node_ref "$version")" "${node_key[$version]}"
  done
}

load_kestra() {
  local version
  for version in $KESTRA_VERSIONS; do
    load "${kestra_image[$version]}" "$(kestra_ref "$version")" "${kestra_key[$version]}"
  done
}

# side_by_side FUNCTION...: each in a process group of its own, so that a failure of one, or a
# signal, ends the others with all that they started.
side_by_side() {
  local function
  set -m
  for function; do
    "$function" &
  done
  set +m
  for function; do
    wait -n
  done
}

stop_groups() {
  local group
  for group in $(jobs -p); do
    kill -TERM -- "-$group" 2>/dev/null || true
  done
  wait || true
  rm -rf --one-file-system "$WORK_DIR"
}

cmd_build() {
  need_root "build the images (debootstrap and chroot)"
  need "build the images" docker debootstrap jq zstd go mvn curl ip unshare flock
  docker version --format '{{.Server.Version}}' >/dev/null 2>&1 ||
    fail "load the images: no Docker daemon answers; \`testbed docker start\` starts one"
  lock build
  plan
  # What a build that was killed left behind.
  rm -rf --one-file-system "$WORK_DIR"
  trap stop_groups EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  side_by_side make_go make_rest
  side_by_side make_node
  mkdir -p "$CACHE/bin"
  ln -sfT "$kind" "$CACHE/bin/kind"
  ln -sfT "$helm" "$CACHE/bin/helm"
  ln -sfT "$helm4" "$CACHE/bin/helm4"
  ln -sfT "$registry" "$CACHE/bin/registry"
  side_by_side load_node load_kestra
  say "all is there, after $SECONDS s"
}

cmd_images() {
  local version
  for version in $KUBERNETES_VERSIONS; do
    node_ref "$version"
  done
  for version in $KESTRA_VERSIONS; do
    kestra_ref "$version"
  done
}

cmd_bin() {
  printf '%s\n' "$CACHE/bin"
}

cmd_clean() {
  local path
  lock build
  case ${1:-} in
    '')
      # shellcheck source=docker.sh
      source "$HERE/lib/docker.sh"
      if daemon_runs; then
        fail "delete the cache: our Docker daemon keeps its data there; \`testbed docker stop\` first"
      fi
      rm -rf --one-file-system "$CACHE"
      ;;
    --old)
      plan
      for path in "$CACHE"/{tools,parts,images}/*; do
        case " $kind $helm $helm4 $registry ${hyperkube[*]} $node_rootfs ${node_image[*]} $kestra_rootfs $java ${engine[*]} ${kestra_image[*]} " in
          *" $path "*) ;;
          *) rm -rf "$path" ;;
        esac
      done
      ;;
    *) fail "clean: unknown option $1" ;;
  esac
}
