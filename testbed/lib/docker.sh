# shellcheck shell=bash
# packages, docker start|stop|status: a Docker daemon for machines that have none, asked for by name
# and ended by the process id it was started under.

PACKAGES=(docker.io iptables iproute2 debootstrap jq zstd curl)
DOCKER_DIR=$CACHE/docker
# Where a test may put a registry with stand-ins; where nothing listens, a pull goes on to the image's own registry.
MIRROR=http://127.0.0.1:5055
# Its sockets; a path in the cache could be longer than a socket's name may be.
DOCKER_RUN=/run/kestra-secrets-docker

cmd_packages() {
  local package missing=()
  for package in "${PACKAGES[@]}"; do
    dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
  done
  if ((${#missing[@]} == 0)); then
    say "packages: all installed"
    return
  fi
  need_root "install ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -qq -y --no-install-recommends "${missing[@]}"
}

server_version() {
  timeout 10 docker version --format '{{.Server.Version}}' 2>/dev/null
}

# The start time of a process in clock ticks since boot: with its id, a name no other process has.
start_time() {
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  # The second field is the program's name in brackets and may hold spaces.
  awk '{print $20}' <<<"${stat##*) }"
}

# Whether the daemon that `docker start` started is still that process; sets daemon_pid.
daemon_runs() {
  local started
  [[ -e $DOCKER_DIR/daemon ]] || return 1
  read -r daemon_pid started <"$DOCKER_DIR/daemon"
  [[ $(start_time "$daemon_pid") == "$started" ]]
}

lacks_sys_resource() {
  local bounding
  bounding=$(awk '$1 == "CapBnd:" {print $2}' /proc/self/status)
  (((16#$bounding >> 24 & 1) == 0))
}

docker_start() {
  local version options=() deadline
  if version=$(server_version); then
    say "a Docker daemon (Engine $version) answers already; nothing to do"
    return
  fi
  need_root "start a Docker daemon"
  need "start a Docker daemon (needed: ${PACKAGES[*]})" docker dockerd runc iptables jq
  lock docker
  mkdir -p "$DOCKER_DIR" "$DOCKER_RUN"
  if lacks_sys_resource; then
    # Privileged containers, kind's nodes, ask for every capability, and runc cannot give what the
    # daemon itself may not have. Copied: the daemon may outlive this checkout.
    install -m 755 "$HERE/lib/runc-without-sys-resource" "$DOCKER_DIR/"
    options=(--add-runtime "no-sys-resource=$DOCKER_DIR/runc-without-sys-resource" --default-runtime no-sys-resource)
    say "CAP_SYS_RESOURCE is not to be had here: containers are started without it"
  fi
  # A session of its own, without our lock: it outlives this command.
  setsid dockerd --data-root "$DOCKER_DIR/data" --exec-root "$DOCKER_RUN" --pidfile "$DOCKER_DIR/dockerd.pid" \
    --registry-mirror "$MIRROR" "${options[@]}" </dev/null >"$DOCKER_DIR/log" 2>&1 9>&- &
  printf '%s %s\n' "$!" "$(start_time "$!")" >"$DOCKER_DIR/daemon"
  deadline=$((SECONDS + 60))
  while daemon_runs && ((SECONDS < deadline)); do
    if version=$(server_version); then
      say "Docker daemon (Engine $version) runs as process $daemon_pid, log in $DOCKER_DIR/log"
      return
    fi
    sleep 0.2
  done
  tail -n 20 "$DOCKER_DIR/log" >&2
  fail "start the Docker daemon: it does not answer; the end of $DOCKER_DIR/log is above"
}

docker_stop() {
  local deadline=$((SECONDS + 60))
  lock docker
  if ! daemon_runs; then
    rm -f "$DOCKER_DIR/daemon"
    say "no Docker daemon of ours runs"
    return
  fi
  kill -TERM "$daemon_pid"
  while daemon_runs; do
    ((SECONDS < deadline)) || fail "stop the Docker daemon: process $daemon_pid is still there after 60 s; see $DOCKER_DIR/log"
    sleep 0.2
  done
  rm -f "$DOCKER_DIR/daemon"
  say "Docker daemon stopped"
}

docker_status() {
  local version
  if daemon_runs; then
    say "our Docker daemon runs as process $daemon_pid, log in $DOCKER_DIR/log"
  else
    say "no Docker daemon of ours runs"
  fi
  version=$(server_version) || fail "reach a Docker daemon: none answers"
  say "a Docker daemon (Engine $version) answers"
}

cmd_docker() {
  case ${1:-} in
    start | stop | status) "docker_$1" ;;
    *)
      usage >&2
      exit 2
      ;;
  esac
}
