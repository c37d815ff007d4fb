# shellcheck shell=bash
# `testbed lock`: writes hyperkube/go.mod and go.sum anew from versions.env.

# Kubernetes' own go.mod pins every third-party version; its staging modules stand there as v0.0.0
# and are published under v0.X.Y for Kubernetes v1.X.Y.
lock_hyperkube() {
  cd "$HERE/hyperkube" || exit
  local kubernetes_mod module staging="v0.${KUBERNETES_VERSION#v1.}"
  kubernetes_mod=$(go mod download -json "k8s.io/kubernetes@$KUBERNETES_VERSION" | jq -r .GoMod)
  rm -f go.mod go.sum
  go mod init kestra-secrets/testbed/hyperkube
  while read -r module; do
    go mod edit -replace "$module=$module@$staging"
  done < <(go mod edit -json "$kubernetes_mod" | jq -r '.Require[] | select(.Version == "v0.0.0").Path')
  go mod edit -go "$(go mod edit -json "$kubernetes_mod" | jq -r .Go)" \
    -require "k8s.io/kubernetes@$KUBERNETES_VERSION" \
    -require "go.etcd.io/etcd/server/v3@$ETCD_VERSION" \
    -require "github.com/coredns/coredns@$COREDNS_VERSION"
  go mod tidy
}
