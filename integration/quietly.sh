#!/bin/sh
# quietly.sh COMMAND...: runs it and shows what it printed only if it failed, or one last line.
set -u
output=$(mktemp)
trap 'rm -f "$output"' EXIT
if "$@" >"$output" 2>&1; then
    grep -E 'warning: var|Build of product|Build complete' "$output" || tail -n 1 "$output"
else
    code=$?
    cat "$output"
    exit "$code"
fi
