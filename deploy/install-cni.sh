#!/bin/sh
# The init container: the CNI executable into the host's folder, and the kernel modules. The configuration that makes the
# runtime call it is written by weir-node, last of all.
set -eu

source=${1:-/opt/weir/cni/weir}
target=${2:-/host/opt/cni/bin}

# A rename: a runtime that executes it meanwhile sees the old one or the new one, never half of it.
cp "$source" "$target/.weir.new"
chmod 0755 "$target/.weir.new"
mv "$target/.weir.new" "$target/weir"
echo "install-cni: $target/weir" >&2

for module in openvswitch geneve vxlan; do
  modprobe "$module" 2>/dev/null || echo "install-cni: module $module was not loaded; it may be built in" >&2
done
