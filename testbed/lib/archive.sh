# shellcheck shell=bash
# Writes image archives as `docker load` and `ctr images import` read them, without a daemon:
# a directory of layers, configurations and a manifest, packed at the end.

# pack_tree DIR: DIR as an uncompressed tar on standard output.
pack_tree() {
  # A directory made by mktemp or under a strict umask would become a / that only root can enter.
  chmod 755 "$1"
  tar -C "$1" --numeric-owner --sort=name -c .
}

# add_layer ARCHIVE: standard input (an uncompressed tar) becomes a layer; prints its digest.
add_layer() {
  local digest
  mkdir -p "$1"
  digest=$(tee "$1/layer" | sha256sum | cut -d' ' -f1)
  mv "$1/layer" "$1/$digest.tar"
  printf '%s\n' "$digest"
}

# add_image ARCHIVE CONFIG LAYERS REF...: an image of the layers (digests, lowest first, in one word
# separated by spaces), with the OCI runtime configuration CONFIG (JSON), under one or more names.
add_image() {
  local archive=$1 config=$2 layers=$3 digest architecture
  shift 3
  architecture=$(dpkg --print-architecture)
  jq -cn --argjson config "$config" --arg layers "$layers" --arg architecture "$architecture" '{
    architecture: $architecture, os: "linux", created: "1970-01-01T00:00:00Z", config: $config,
    rootfs: {type: "layers", diff_ids: ($layers / " " | map("sha256:" + .))},
    history: ($layers / " " | map({created: "1970-01-01T00:00:00Z", created_by: "kestra-secrets testbed"}))
  }' >"$archive/config"
  digest=$(sha256sum "$archive/config" | cut -d' ' -f1)
  mv "$archive/config" "$archive/$digest.json"
  jq -cn --arg config "$digest.json" --arg layers "$layers" \
    '{Config: $config, RepoTags: $ARGS.positional, Layers: ($layers / " " | map(. + ".tar"))}' \
    --args "$@" >>"$archive/images"
}

# pack_archive ARCHIVE: the archive as an uncompressed tar on standard output; ARCHIVE is used up.
pack_archive() {
  jq -cs . "$1/images" >"$1/manifest.json"
  rm "$1/images"
  tar -C "$1" --owner=0 --group=0 --numeric-owner --sort=name --mtime=@0 -c .
}

# The long window finds what occurs twice in an image (the node holds its own control plane).
compress() {
  zstd -q -3 --long=30 -T0
}

decompress() {
  zstd -q -dc --long=30 "$1"
}
