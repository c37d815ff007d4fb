# shellcheck shell=bash

# find_jdk RELEASE: the home of an installed JDK of that feature release.
find_jdk() {
  local home
  for home in "${JAVA_HOME:-}" /usr/lib/jvm/*; do
    if [[ -x $home/bin/jlink ]] && grep -qE "^JAVA_VERSION=\"$1[.\"]" "$home/release" 2>/dev/null; then
      printf '%s\n' "$home"
      return
    fi
  done
  echo "no JDK $1 in JAVA_HOME or /usr/lib/jvm" >&2
  return 1
}
