#!/bin/bash
# Holds assay against 100,000 records, then sets its command line beside another reader of decision
# records at 10,000. Prints the results as TOML; README.md says how to read them.
#
#   benches/scale/run.sh [ADRS] > benches/scale/DATE-MACHINE.toml
#
# ADRS is the `adrs` program built with its defaults: cargo install adrs --version 0.13.0 --locked
set -euo pipefail
adrs=${1:-}
cd "$(dirname "$0")/../.."
cargo build --quiet --release -p assay --bin assay --example scale
cargo build --quiet --release -p assay-store --example many
target=${CARGO_TARGET_DIR:-target}/release
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT

echo "date = \"$(date -u +%FT%TZ)\""
echo "commit = \"$(git rev-parse --short=12 HEAD)\""
echo "cpu = \"$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)\""
echo "cores = $(nproc)"
echo "kernel = \"$(uname -sr)\""
echo "rustc = \"$(rustc --version)\""
"$target/examples/many" 100000 "$work/large" >&2
echo; echo "[large]"
"$target/examples/scale" "$target/assay" "$work/large"
[ -n "$adrs" ] || exit 0

# The same decisions for both: each reads its own kind of file, without our copy of the record at its end.
"$target/examples/many" 10000 "$work/ours" >&2
"$target/assay" --decisions "$work/ours" --data "$work/data" export --format adr-tools --to "$work/theirs/doc/adr" >&2
sed -i '/^<!-- The record in assay:/,$d' "$work"/theirs/doc/adr/*.md
echo doc/adr > "$work/theirs/.adr-dir"
echo; echo "[command_line]"
echo "adrs = \"$("$adrs" --version)\""
"$target/examples/scale" "$target/assay" "$work/ours" "$adrs" "$work/theirs"
