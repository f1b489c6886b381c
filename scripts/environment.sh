# Sourced by the other scripts: where things are built and kept, and how steps are run and counted.
# Everything outside the clone lives under one cache folder, so that a clean checkout stays clean.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
MILLSTREAM_ROOT=$PWD
MILLSTREAM_CACHE=${MILLSTREAM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/millstream}
export MILLSTREAM_ROOT MILLSTREAM_CACHE
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$MILLSTREAM_CACHE/target}
export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-auto}
export PATH="$MILLSTREAM_CACHE/tools/bin:$PATH"
mkdir -p "$MILLSTREAM_CACHE"

# Everything a step writes for itself; removed at the end, with whatever still runs in it.
scratch=$(mktemp -d "${TMPDIR:-/tmp}/millstream.XXXXXX")
cleanup() {
    local job
    for job in $(jobs -p); do
        kill "$job" 2>/dev/null || true
    done
    rm -rf "$scratch"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

passed=0
failed=0
failures=()

# step NAME SECONDS COMMAND...: runs the command within the time limit, shows what it prints, adds
# its tests to the totals, and goes on after a failure, so that one run tells everything.
step() {
    local name=$1 limit=$2 started=$SECONDS status=0
    shift 2
    printf '\n== %s\n' "$name"
    timeout --kill-after=20 "$limit" "$@" 2>&1 | tee "$scratch/step.log" || status=${PIPESTATUS[0]}
    if [ "$status" = 124 ] || [ "$status" = 137 ]; then
        printf '%s: stopped after its limit of %s s\n' "$name" "$limit"
    fi
    count_tests "$status"
    if [ "$status" != 0 ]; then
        failures+=("$name (exit $status)")
    fi
    printf -- '-- %s: %s in %s s\n' "$name" "$([ "$status" = 0 ] && echo ok || echo FAILED)" "$((SECONDS - started))"
    return 0
}

# count_tests STATUS: reads the closing lines of nextest, cargo test, unittest and node's runner; a
# step that has none of them counts as one test.
count_tests() {
    local good bad
    read -r good bad < <(sed 's/\x1b\[[0-9;]*m//g' "$scratch/step.log" | awk '
        /^ *Summary .* tests? run:/ {
            for (i = 2; i <= NF; i++) {
                if ($i ~ /^passed/) good += $(i - 1)
                if ($i ~ /^(failed|timed|exec)/) bad += $(i - 1)
            }
        }
        /^test result:/ { good += $4; bad += $6 }
        /^Ran [0-9]+ tests? in/ { ran += $2 }
        /^FAILED \(/ {
            line = $0
            while (match(line, /(failures|errors)=[0-9]+/)) {
                split(substr(line, RSTART, RLENGTH), part, "=")
                broken += part[2]
                line = substr(line, RSTART + RLENGTH)
            }
        }
        /^(#|ℹ) pass [0-9]+$/ { good += $3 }
        /^(#|ℹ) fail [0-9]+$/ { bad += $3 }
        END { print good + ran - broken, bad + broken }')
    if [ "$((good + bad))" = 0 ]; then
        [ "$1" = 0 ] && good=1 || bad=1
    elif [ "$1" != 0 ] && [ "$bad" = 0 ]; then
        bad=1
    fi
    passed=$((passed + good))
    failed=$((failed + bad))
}

# Prints the totals as the last line; succeeds when nothing failed.
finish() {
    printf '\n'
    if [ "${#failures[@]}" != 0 ]; then
        printf 'failed: %s\n' "${failures[@]}"
    fi
    printf '%s passed, %s failed\n' "$passed" "$failed"
    [ "$failed" = 0 ]
}

# rust_tests ARGUMENTS...: nextest where it is installed, else what cargo itself brings.
rust_tests() {
    if cargo nextest --version >/dev/null 2>&1; then
        cargo nextest run --no-fail-fast --show-progress none --status-level fail "$@"
    else
        cargo test --no-fail-fast --quiet "$@"
    fi
}
export -f rust_tests

# debian_packages NAME...: installs what is missing, where that is possible.
debian_packages() {
    local missing=() name
    for name in "$@"; do
        dpkg-query -W -f='${db:Status-Abbrev}' "$name" 2>/dev/null | grep -q '^ii' || missing+=("$name")
    done
    [ "${#missing[@]}" = 0 ] && return 0
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        printf 'missing: %s. The tests that need them will fail; install them and run again.\n' "${missing[*]}"
        return 1
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}" >"$MILLSTREAM_CACHE/apt.log" 2>&1 \
        || { tail -n 20 "$MILLSTREAM_CACHE/apt.log"; return 1; }
}
export -f debian_packages
