#!/usr/bin/env bash
# Records traces/ID.txt from scenarios/ID.js with the real Node, each scenario in many fresh processes that must agree.
#
#   record.sh [--update] [ID …]     all scenarios, or those named; --update writes what has changed
#   NODE26=/path/to/node            use this one and install nothing
#   RUNS=3                          fewer runs of each, for quick work (20 otherwise)
#
# Without --update nothing is written, and a trace that differs from the recorded one, or has none, is a failure.
set -euo pipefail

version=26.10.0
runs=${RUNS:-20}
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

die() {
    echo "record.sh: $*" >&2
    exit 1
}

update=no
ids=()
for arg in "$@"; do
    case $arg in
    --update) update=yes ;;
    -*) die "no such option: $arg" ;;
    *)
        [ -e "$here/scenarios/$arg.js" ] || die "no scenarios/$arg.js"
        ids+=("$arg")
        ;;
    esac
done
if [ ${#ids[@]} = 0 ]; then
    for file in "$here"/scenarios/*.js; do
        file=${file##*/}
        ids+=("${file%.js}")
    done
fi

node=${NODE26:-}
if [ -z "$node" ]; then
    npm install --silent --no-audit --no-fund --prefix "$scratch/npm" "node@$version" >&2
    node=$scratch/npm/node_modules/.bin/node
fi
[ "$("$node" --version)" = "v$version" ] || die "$node is $("$node" --version), not v$version"

# One run: its trace in ID.RUN, what it complains about in ID.RUN.log. Must not fail itself, or xargs would stop.
cat >"$scratch/run" <<'END'
#!/bin/sh
cd "$3" || exit 1
"$1" "scenarios/$4.js" >"$2/$4.$5" 2>"$2/$4.$5.log" </dev/null || { echo "it exited with $?" >>"$2/$4.$5.log"; }
END
chmod +x "$scratch/run"

for id in "${ids[@]}"; do
    for run in $(seq "$runs"); do
        printf '%s %s\n' "$id" "$run"
    done
done | xargs -P 2 -L 1 "$scratch/run" "$node" "$scratch" "$here"

failed=0 changed=0
mkdir -p "$here/traces"
for id in "${ids[@]}"; do
    agree=yes
    for run in $(seq "$runs"); do
        if [ -s "$scratch/$id.$run.log" ]; then
            echo "$id: run $run failed:" >&2
            cat "$scratch/$id.$run.log" >&2
            agree=no
            break
        fi
        if ! diff -u --label "$id, run 1" --label "$id, run $run" "$scratch/$id.1" "$scratch/$id.$run" >&2; then
            echo "$id: run $run differs from run 1" >&2
            agree=no
            break
        fi
    done
    if [ "$agree" = no ]; then
        failed=$((failed + 1))
        continue
    fi
    trace=$here/traces/$id.txt
    old=$trace
    [ -e "$old" ] || old=/dev/null
    if ! diff -u --label "traces/$id.txt" --label "$id, now" "$old" "$scratch/$id.1"; then
        changed=$((changed + 1))
        [ "$update" = no ] || cp "$scratch/$id.1" "$trace"
    fi
done

[ "$failed" = 0 ] || die "$failed of ${#ids[@]} scenarios failed"
if [ "$changed" = 0 ]; then
    echo "${#ids[@]} scenarios recorded with v$version, no change"
elif [ "$update" = yes ]; then
    echo "${#ids[@]} scenarios recorded with v$version, $changed changed"
else
    die "$changed of ${#ids[@]} scenarios have changed; --update writes them"
fi
