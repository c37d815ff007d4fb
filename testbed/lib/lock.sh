# shellcheck shell=bash
# `testbed lock`: writes the module files of hyperkube anew from versions.env, one pair for each Kubernetes. The first
# one's are go.mod and go.sum; a build is told of the others by -modfile.

# Kubernetes' own go.mod pins every third-party version; its staging modules stand there as v0.0.0
# and are published under v0.X.Y for Kubernetes v1.X.Y.
lock_hyperkube() {
  local version work
  work=$(mktemp -d)
  # shellcheck disable=SC2064  # the folder of now
  trap "rm -rf '$work'" EXIT
  for version in $KUBERNETES_VERSIONS; do
    rm -rf "${work:?}"/*
    cp "$HERE"/hyperkube/*.go "$work"
    (lock_one "$version" "$work")
    cp "$work/go.mod" "$HERE/hyperkube/$(module_file "$version").mod"
    cp "$work/go.sum" "$HERE/hyperkube/$(module_file "$version").sum"
  done
}

lock_one() { # VERSION FOLDER
  cd "$2" || exit
  local kubernetes_mod module staging="v0.${1#v1.}"
  kubernetes_mod=$(go mod download -json "k8s.io/kubernetes@$1" | jq -r .GoMod)
  go mod init kestra-secrets/testbed/hyperkube
  while read -r module; do
    go mod edit -replace "$module=$module@$staging"
  done < <(go mod edit -json "$kubernetes_mod" | jq -r '.Require[] | select(.Version == "v0.0.0").Path')
  # CoreDNS asks for a newer client than the server is.
  for module in api/v3 client/v3 client/pkg/v3; do
    go mod edit -replace "go.etcd.io/etcd/$module=go.etcd.io/etcd/$module@${ETCD_VERSION[$1]}"
  done
  go mod edit -go "$(go mod edit -json "$kubernetes_mod" | jq -r .Go)" \
    -require "k8s.io/kubernetes@$1" \
    -require "go.etcd.io/etcd/server/v3@${ETCD_VERSION[$1]}" \
    -require "github.com/coredns/coredns@${COREDNS_VERSION[$1]}"
  go mod tidy
}
