# shellcheck shell=bash
# What every part of the testbed shares: messages, checks, keys, and the one way files are made.

say() {
  printf 'testbed: %s\n' "$*" >&2
}

# Messages are fragments that finish "failed to …".
fail() {
  printf 'testbed: failed to %s\n' "$*" >&2
  exit 1
}

# need WHAT-FOR COMMAND...: ends with the names of all commands that are not there.
need() {
  local purpose=$1 command missing=()
  shift
  for command in "$@"; do
    command -v "$command" >/dev/null || missing+=("$command")
  done
  ((${#missing[@]} == 0)) || fail "$purpose: not on PATH: ${missing[*]};" \
    "\`testbed packages\` installs the Debian packages, go, mvn and a JDK are yours to provide"
}

need_root() {
  ((EUID == 0)) || fail "$1: this must run as root"
}

# key STEP INPUT...: a short hash over the step's script and everything it is made of. An INPUT that
# is a path below the repository stands for its content, one below the cache for its name (which
# holds a key), any other for its text.
key() {
  local input
  {
    uname -m
    cat "$HERE/steps/$1"
    for input in "${@:2}"; do
      if [[ $input == "$REPO"/* ]]; then
        [[ -e $input ]] || fail "compute the key of $1: $input is missing"
        find "$input" -type f -print0 | sort -z | (cd "$REPO" && xargs -0 sha256sum) | sed "s#$REPO/##"
      else
        printf '%s\n' "${input#"$CACHE/"}"
      fi
    done
  } | sha256sum | cut -c1-16
}

# make STEP PATH ARG...: has steps/STEP make PATH, unless it is there. The step writes to a name of
# its own, which becomes PATH only when all of it is written: what exists under its name is whole.
make() {
  local step=$1 path=$2 name work log started=$SECONDS
  shift 2
  [[ ! -e $path ]] || return 0
  name=$(basename "$path")
  work=$WORK_DIR/$name
  log=$CACHE/logs/$name.log
  mkdir -p "$work" "$(dirname "$path")" "$CACHE/logs"
  say "$name: building"
  # A process of its own, so that its errexit holds whatever this function was called from.
  if ! (cd "$work" && exec "$HERE/steps/$step" "$work/out" "$@") >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    fail "build $name: the end of $log is above"
  fi
  mv "$work/out" "$path"
  rm -rf --one-file-system "$work"
  say "$name: built in $((SECONDS - started)) s ($(du -sh "$path" | cut -f1))"
}

# The module files of hyperkube for a Kubernetes, without `.mod` and `.sum`.
module_file() {
  if [[ $1 == "${KUBERNETES_VERSIONS%% *}" ]]; then
    echo go
  else
    echo "${1%.*}"
  fi
}

# lock NAME: one command at a time; a second one waits. Held until the process and its children end.
lock() {
  mkdir -p "$CACHE"
  exec 9>"$CACHE/$1.lock"
  if ! flock -n 9; then
    say "another testbed command is at work in $CACHE; waiting for it"
    flock 9
  fi
}
