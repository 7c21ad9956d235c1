# What clients and hosts configure: contract C-1.33, C-1.6x, C-1.7x, C-3.6x, checklist T-047, T-048, T-110 … T-114.

load lib

setup_file() { setup_suite_file; }
teardown_file() { teardown_suite_file; }

setup() { [ "$SHIM_BUILD" != go ] || skip "the Go shim knows runc options alone"; }

teardown() {
    local status=0
    # Needs the runtimes; the configuration it does not.
    end_case || status=1
    rm -f "$SWIFTRUNC_CONFIG" "$DIR"/bin/other-*
    return "$status"
}

# runtime NAME: a runtime of this name in PATH, which writes its arguments to $CASE/NAME and is runc.
runtime() {
    cat >"$DIR/bin/$1" <<SH
#!/bin/sh
printf '%s\n' "\$*" >>"$CASE/$1"
exec "$INTEGRATION/fake-runc" "\$@"
SH
    chmod +x "$DIR/bin/$1"
}

# host LINE...: the host's configuration.
host() { printf '%s\n' "$@" >"$SWIFTRUNC_CONFIG"; }

# body LINE...: options with these lines as TOML, as an argument of rpc; file PATH: with a path.
body() {
    printf '%s\n' "$@" | python3 -c 'import json, sys; print("options:=" + json.dumps(
        {"@type": "runtimeoptions.v1.Options", "type_url": "some.type", "config_body": sys.stdin.read()}))'
}

file() { printf 'options:={"@type": "runtimeoptions.v1.Options", "config_path": "%s"}' "$1"; }

runc_options() { printf 'options:={"@type": "containerd.runc.v1.Options"%s}' "${1:+, $1}"; }

# any OPTIONS: those of body, file or runc_options, as `start` and `-info` get them.
any() { python3 "$INTEGRATION/ttrpc.py" encode Any "${1#options:=}"; }

# begun ID: a shim without a container, for a bundle that would sleep.
begun() {
    direct_bundle "$1" sleep 1000
    direct_start "$1" </dev/null >/dev/null
}

# created RUNTIME: the arguments of its last create, without the names of the bundle's files.
created() { grep -w create "$CASE/$1" | tail -1 | sed -E 's, --(log|bundle|pid-file) [^ ]*,,g'; }

# log_says ID TEXT: its shim logged it.
log_says() { wait_until grep -qF -- "$2" "$DIR/jobs/log-$1"; }

# runtimeoptions --------------------------------------------------------------------------------------

# bats test_tags=direct
@test "T-111 C-3.63 a configuration body is honoured as CRI sends it" {
    runtime other-runc
    begun c1
    direct_run c1 "$(body 'BinaryName = "other-runc"' 'CriuImagePath = ""' 'CriuPath = ""' 'CriuWorkPath = ""' 'IoGid = 0' \
        'IoUid = 0' 'NoNewKeyring = true' 'NoPivotRoot = true' "Root = \"$CASE/root\"" 'ShimCgroup = ""' 'SystemdCgroup = false')"
    state_is c1 2
    [ "$(created other-runc)" = "--root $CASE/root/$NS --log-format json create --no-pivot --no-new-keyring c1" ]
    direct_end c1
    # Every later command goes to the same runtime.
    grep -q "^--root $CASE/root/$NS .* start c1$" "$CASE/other-runc"
    grep -q "^--root $CASE/root/$NS .* delete c1$" "$CASE/other-runc"
    rm -r "$CASE/root"
}

# bats test_tags=direct
@test "T-111 C-3.63 SystemdCgroup of the body asks for --systemd-cgroup, in each spelling" {
    runtime other-runc
    echo "no systemd in this case" >"$FAKE_RUNC/create.fail"
    begun c1
    for key in SystemdCgroup systemd_cgroup systemdcgroup SYSTEMD_CGROUP '"SystemdCgroup"'; do
        : >"$CASE/other-runc"
        fails 2 "no systemd in this case" direct_create c1 "$(body "$key = true" 'binary_name = "other-runc"')"
        [[ $(created other-runc) == *" --systemd-cgroup create c1" ]]
    done
}

# bats test_tags=direct
@test "T-111 C-3.63 io_uid of the body owns the container's pipes, also written as docker does" {
    cat >"$DIR/bin/other-runc" <<SH
#!/bin/sh
owner=\$(stat -L -c %u:%g /proc/\$\$/fd/1)
echo "\$owner" >"$CASE/owner"
exit 1
SH
    chmod +x "$DIR/bin/other-runc"
    begun c1
    mkfifo "$CASE/out"
    exec {out}<>"$CASE/out"
    run direct_create c1 stdout="$CASE/out" "$(body 'BinaryName = "other-runc"' 'IoUid = 1234.0' 'IoGid = 5678')"
    [ "$status" -ne 0 ]
    [ "$(cat "$CASE/owner")" = 1234:5678 ]
    exec {out}<&-
}

@test "T-112 C-3.63 a configuration path is honoured: ctr run --runtime-config-path" {
    runtime other-runc
    printf '# of this case\nBinaryName = "other-runc"\nroot = "%s"\n' "$CASE/root" >"$CASE/runtime.toml"
    idle c1 --runtime-config-path "$CASE/runtime.toml"
    task_is c1 RUNNING
    [ "$(created other-runc)" = "--root $CASE/root/$NS --log-format json create c1" ]
    [ "$(exec_task c1 echo hello)" = hello ]
    # The file may be gone when the task is: what was read holds.
    rm "$CASE/runtime.toml"
    end_task c1
    grep -q "^--root $CASE/root/$NS .* delete c1$" "$CASE/other-runc"
}

@test "T-112 C-3.63 the file may be JSON" {
    runtime other-runc
    printf '\n {"binary_name": "other-runc", "NoNewKeyring": true, "Root": null}\n' >"$CASE/runtime.json"
    idle c1 --runtime-config-path "$CASE/runtime.json"
    [ "$(created other-runc)" = "--root /run/containerd/runc/$NS --log-format json create --no-new-keyring c1" ]
}

@test "T-112 C-3.63 a path that is missing or relative is an error that names it, and leaves nothing" {
    for path in "$CASE/missing.toml" relative.toml; do
        run ctr run -d --null-io --runtime "$SHIM_RUNTIME" --runtime-config-path "$path" --rootfs "$ROOTFS" c1 true
        [ "$status" -ne 0 ]
        [[ $output == *"config_path"*"$path"* ]]
        wait_until no_shims
        run ctr container rm c1
    done
    [ ! -e "$(bundle c1)" ]
}

# bats test_tags=direct
@test "C-3.63 what is wrong in a body or file is said with its line, and the shim goes on" {
    begun c1
    fails 3 'config_body: line 2: "SystemdCgroup": true or false wanted, not a text' \
        direct_create c1 "$(body '' 'SystemdCgroup = "true"')"
    fails 3 'config_body: line 1: "crun" is no value; a text stands in quotes' direct_create c1 "$(body 'BinaryName = crun')"
    fails 3 'config_body: line 2: key "Root" is there already, in line 1' direct_create c1 "$(body "Root = '/a'" "Root = '/b'")"
    printf 'IoUid = -1\n' >"$CASE/bad.toml"
    fails 3 "config_path: $CASE/bad.toml: line 1: \"IoUid\": a number" direct_create c1 "$(file "$CASE/bad.toml")"
    printf '{"BinaryName": 1}' >"$CASE/bad.json"
    fails 3 "config_path: $CASE/bad.json: \"BinaryName\": a text wanted" direct_create c1 "$(file "$CASE/bad.json")"
    fails 3 "config_path: open $CASE/none: no such file or directory" direct_create c1 "$(file "$CASE/none")"
    fails 3 'config_path "none": not an absolute path' direct_create c1 "$(file none)"
    # A fifo nobody writes to, and a file without end, hold up nothing.
    mkfifo "$CASE/fifo"
    direct_create c1 "$(file "$CASE/fifo")"
    fails 3 "/dev/zero: longer than 1048576 bytes" rpc c1 Create id=c2 bundle="$DIR/direct/c1" "$(file /dev/zero)"
    budget_baseline "$(shim_pid c1)"
}

# bats test_tags=direct
@test "C-3.63 unknown keys are passed over, and the log says so" {
    runtime other-runc
    begun c1
    direct_run c1 "$(body 'TypeUrl = "some.type"' 'BinaryName = "other-runc"' 'Ratio = 1.5' '[TaskApi]' 'Address = "x"')"
    state_is c1 2
    [ -n "$(created other-runc)" ]
    log_says c1 'config_body: unknown keys passed over: TypeUrl, Ratio, TaskApi'
}

# bats test_tags=direct
@test "C-3.63 of body and path, the body's keys win" {
    runtime other-runc
    runtime other-crun
    begun c1
    printf 'BinaryName = "other-crun"\nNoPivotRoot = true\n' >"$CASE/f"
    direct_run c1 "$(body 'BinaryName = "other-runc"' | sed "s|}\$|, \"config_path\": \"$CASE/f\"}|")"
    [[ $(created other-runc) == *" create --no-pivot c1" ]]
    [ ! -e "$CASE/other-crun" ]
}

# other types -----------------------------------------------------------------------------------------

# bats test_tags=direct
@test "T-114 C-3.60 C-7.45 start with options of an unknown type says which, and leaves no shim" {
    direct_bundle c1 true
    any 'options:={"@type": "type.example/other.Options", "@hex": "0a0178"}' >"$CASE/in"
    run --separate-stderr direct_start c1 <"$CASE/in"
    [ "$status" -eq 1 ]
    [ -z "$output" ]
    # shellcheck disable=SC2154 # set by run
    [ "$stderr" = "$SHIM_RUNTIME: options of type \"type.example/other.Options\"" ]
    [ -z "$(shims)" ]
    [ ! -e "$(socket_of c1)" ]
}

# bats test_tags=direct
@test "T-114 C-3.60 Create with them is INVALID_ARGUMENT, and the shim ends when containerd then says so" {
    begun c1
    pid=$(shim_pid c1)
    fails 3 'options of type "other.Options"' direct_create c1 'options:={"@type": "other.Options", "@hex": "0a0178"}'
    rpc c1 Shutdown id=c1
    wait_until -t 20 gone "$pid"
    [ ! -e "$(socket_of c1)" ]
}

# the host's configuration ----------------------------------------------------------------------------

@test "C-3.65 the host's configuration supplies what no client said" {
    runtime other-runc
    host '# for every container' 'BinaryName = "other-runc"' 'no_pivot_root = true'
    idle c1
    [ "$(created other-runc)" = "--root /run/containerd/runc/$NS --log-format json create --no-pivot c1" ]
    [ "$(cat "$(bundle c1)/runtime")" = other-runc ]
    end_task c1
    begun c2
    for options in "$(runc_options)" "$(runc_options '"io_uid": 5')" "$(body 'SystemdCgroup = false')" "$(body)"; do
        : >"$CASE/other-runc"
        direct_create c2 "$options"
        [[ $(created other-runc) == *" create --no-pivot c2" ]]
        rpc c2 Kill id=c2 signal=9
        rpc c2 Wait id=c2
        rpc c2 Delete id=c2
    done
}

# bats test_tags=direct
@test "C-3.65 what a client says wins over the host, and a change of the file holds at once" {
    runtime other-runc
    runtime other-crun
    host 'BinaryName = "other-crun"' 'NoPivotRoot = true' "Root = \"$CASE/hosts\""
    begun c1
    direct_create c1 "$(runc_options '"binary_name": "other-runc"')"
    [ "$(created other-runc)" = "--root $CASE/hosts/$NS --log-format json create --no-pivot c1" ]
    [ ! -e "$CASE/other-crun" ]
    rpc c1 Kill id=c1 signal=9
    rpc c1 Wait id=c1
    rpc c1 Delete id=c1
    host 'BinaryName = "other-crun"'
    direct_create c1 "$(body "Root = '$CASE/theirs'")"
    [ "$(created other-crun)" = "--root $CASE/theirs/$NS --log-format json create c1" ]
    direct_end c1
    rm -r "$CASE/hosts" "$CASE/theirs"
}

# bats test_tags=direct
@test "C-3.65 C-1.33 the host's shim_cgroup holds at start" {
    mkdir "/sys/fs/cgroup/pids/$NS" "/sys/fs/cgroup/pids/$NS/shim"
    host "ShimCgroup = '/$NS/shim'"
    begun c1
    grep -q "pids:/$NS/shim$" "/proc/$(shim_pid c1)/cgroup"
    direct_end c1
    wait_until rmdir "/sys/fs/cgroup/pids/$NS/shim"
}

# bats test_tags=direct
@test "C-1.33 C-3.63 ShimCgroup of a configuration body holds at start" {
    mkdir "/sys/fs/cgroup/pids/$NS" "/sys/fs/cgroup/pids/$NS/shim"
    direct_bundle c1 true
    any "$(body "ShimCgroup = '/$NS/shim'")" | direct_start c1
    grep -q "pids:/$NS/shim$" "/proc/$(shim_pid c1)/cgroup"
    direct_end c1
    wait_until rmdir "/sys/fs/cgroup/pids/$NS/shim"
}

@test "C-3.65 a broken host configuration fails start and Create with file and line, until it is repaired" {
    begun c1
    host '# ours' 'BinaryName = crun'
    wrong="$SWIFTRUNC_CONFIG: line 2: \"crun\" is no value; a text stands in quotes"
    fails 3 "$wrong" direct_create c1
    run ctr run -d --null-io --runtime "$SHIM_RUNTIME" --rootfs "$ROOTFS" c2 true
    [ "$status" -ne 0 ]
    [[ $output == *"$SWIFTRUNC_CONFIG: line 2: "* ]]
    no_shim c2
    ctr container rm c2 || :
    fails 1 "$wrong" "$SHIM_BINARY" -info </dev/null
    host 'SystemdCgroup = 1'
    fails 3 "$SWIFTRUNC_CONFIG: line 1: \"SystemdCgroup\": true or false wanted" direct_create c1
    host '# nothing'
    direct_run c1
    state_is c1 2
    budget_baseline "$(shim_pid c1)"
}

# bats test_tags=direct
@test "C-3.65 tables of other releases in the host's configuration are passed over, and the log says so" {
    begun c1
    host 'NoPivotRoot = true' '[log]' 'policy = "block"' '[[landlock.rules]]' 'action = 1'
    touch "$FAKE_RUNC/record"
    direct_create c1
    [[ $(recorded create) == *" --no-pivot "* ]]
    log_says c1 "$SWIFTRUNC_CONFIG: unknown keys passed over: log, landlock"
}

# the systemd driver ----------------------------------------------------------------------------------

# bats test_tags=direct
@test "T-113 C-3.64 the form of cgroupsPath decides only where neither client nor host says" {
    touch "$FAKE_RUNC/record"
    echo "no systemd in this case" >"$FAKE_RUNC/create.fail"
    begun c1
    edit_spec c1 'spec["linux"]["cgroupsPath"] = "system.slice:test:c1"'
    inferred=plain
    if [ -d /run/systemd/system ]; then inferred=systemd; fi
    [ "$(driver)" = "$inferred" ]
    [ "$inferred" = plain ] || grep -q '"systemd_cgroup":true' "$DIR/direct/c1/options.json"
    [ "$(driver "$(runc_options '"no_pivot_root": true')")" = "$inferred" ]
    [ "$(driver "$(body 'NoPivotRoot = true')")" = "$inferred" ]
    [ "$(driver "$(body 'SystemdCgroup = false')")" = plain ]
    host 'SystemdCgroup = false'
    [ "$(driver)" = plain ]
    [ "$(driver "$(runc_options '"no_pivot_root": true')")" = plain ]
    [ "$(driver "$(runc_options '"systemd_cgroup": true')")" = systemd ]
    [ "$(driver "$(body 'SystemdCgroup = true')")" = systemd ]
    edit_spec c1 'spec["linux"]["cgroupsPath"] = "/plain/c1"'
    host 'SystemdCgroup = true'
    [ "$(driver)" = systemd ]
    [ "$(driver "$(body 'SystemdCgroup = false')")" = plain ]
    rm "$SWIFTRUNC_CONFIG"
    [ "$(driver)" = plain ]
}

# driver [OPTIONS]: what a create with these options, which fails, asks the runtime for.
driver() {
    rm -f "$FAKE_RUNC/calls"
    fails 2 "no systemd in this case" direct_create c1 "$@" || return
    if [[ $(recorded create) == *" --systemd-cgroup create "* ]]; then echo systemd; else echo plain; fi
}

# delete ----------------------------------------------------------------------------------------------

# lost ID: its container runs, made by other-runc below $CASE/root as the host's configuration said; its
# shim is dead, and the configuration gone. The init's pid is in $init.
lost() {
    local pid
    runtime other-runc
    host 'BinaryName = "other-runc"' "Root = \"$CASE/root\""
    begun "$1"
    direct_run "$1" >/dev/null
    rm "$SWIFTRUNC_CONFIG"
    init=$(cat "$DIR/direct/$1/init.pid")
    pid=$(shim_pid "$1")
    kill -KILL "$pid"
    wait_until gone "$pid"
    : >"$CASE/other-runc"
}

# deleted BINARY ID: `delete` by this shim; what it warned of is in $CASE/err.
deleted() {
    (cd "$DIR/direct/$2" && env PATH="$DIR/bin:$PATH" "$1" -namespace "$NS" -address "$SOCK" -id "$2" \
        -bundle "$DIR/direct/$2" delete </dev/null 2>"$CASE/err" >"$CASE/out")
}

# is_deleted ID: by the runtime and in the root that made it.
is_deleted() {
    grep -q "^--root $CASE/root/$NS .* delete --force $1$" "$CASE/other-runc"
    wait_until gone "$init"
    rm -rf "$(socket_of "$1")" "$DIR/direct/$1/address" "$CASE/root"
}

# bats test_tags=direct
@test "C-1.71 C-1.74 delete finds the runtime and root that were in effect" {
    lost c1
    [ "$(cat "$DIR/direct/c1/runtime")" = other-runc ]
    [ "$(cat "$DIR/direct/c1/options.json")" = "{\"binary_name\":\"other-runc\",\"root\":\"$CASE/root\"}" ]
    deleted "$SHIM_BINARY" c1
    [ ! -s "$CASE/err" ]
    is_deleted c1
}

# bats test_tags=direct
@test "T-046 C-1.74 the Go shim's delete finds them too" {
    lost c1
    deleted "$PEER_BINARY" c1
    is_deleted c1
}

# bats test_tags=direct
@test "C-1.71 delete of a bundle without these files takes the host's runtime and root" {
    lost c1
    rm "$DIR/direct/c1/runtime" "$DIR/direct/c1/options.json"
    host 'BinaryName = "other-runc"' "Root = \"$CASE/root\""
    deleted "$SHIM_BINARY" c1
    [ ! -s "$CASE/err" ]
    is_deleted c1
}

# bats test_tags=direct
@test "C-1.71 delete goes on without a host configuration that is broken, and warns" {
    lost c1
    rm "$DIR/direct/c1/runtime"
    host 'BinaryName = ['
    # The default runtime is to be the one that knows this container.
    touch "$FAKE_RUNC/record"
    deleted "$SHIM_BINARY" c1
    python3 "$INTEGRATION/ttrpc.py" decode DeleteResponse <"$CASE/out" | grep -q "\"pid\": $init, \"exit_status\": 137"
    grep -qF "level=warning msg=\"configuration\" error=\"$SWIFTRUNC_CONFIG: line 2: " "$CASE/err"
    cp "$FAKE_RUNC/calls" "$CASE/other-runc"
    is_deleted c1
}

# bats test_tags=direct
@test "C-1.74 C-3.99 the files in the bundle are the Go shim's where nothing was said" {
    begun c1
    direct_create c1
    ours=$(head -c 99 "$DIR/direct/c1/runtime" "$DIR/direct/c1/options.json" | sed "s|$DIR/direct/c1||")
    direct_end c1
    # Of the Go shims that of 1.6 can be spoken to as ours can.
    SHIM_BINARY=$(daemon_bin 1.6)/containerd-shim-runc-v2 begun c1
    direct_create c1
    [ "$(head -c 99 "$DIR/direct/c1/runtime" "$DIR/direct/c1/options.json" | sed "s|$DIR/direct/c1||")" = "$ours" ]
}

# -info -----------------------------------------------------------------------------------------------

# info [OPTIONS]: the decoded answer to -info; teller NAME TEXT: a runtime whose features are TEXT.
info() { { [ $# -eq 0 ] || any "$1"; } | PATH="$DIR/bin:$PATH" "$SHIM_BINARY" -info | python3 "$INTEGRATION/ttrpc.py" decode RuntimeInfo; }

teller() {
    # shellcheck disable=SC2016 # expanded by that shell
    printf '#!/bin/sh\n[ "$*" = features ] || exit 1\necho %q\n' "$2" >"$DIR/bin/$1"
    chmod +x "$DIR/bin/$1"
}

# bats test_tags=direct
@test "T-047 C-1.60 C-1.63 -info asks the runtime that options of each type and the host name" {
    teller other-one '{"ociVersionMin": "1.1.1"}'
    teller other-two '{"ociVersionMin": "2.2.2"}'
    printf 'BinaryName = "other-one"\n' >"$CASE/f"
    [[ $(info "$(runc_options '"binary_name": "other-one"')") == *'"ociVersionMin": "1.1.1"'* ]]
    run info "$(file "$CASE/f")"
    [[ $output == *"\"options\": {\"@type\": \"runtimeoptions.v1.Options\", \"config_path\": \"$CASE/f\"}"* ]]
    [[ $output == *'"ociVersionMin": "1.1.1"'* ]]
    any "$(body 'BinaryName = "other-one"')" | PATH="$DIR/bin:$PATH" "$SHIM_BINARY" -info >"$CASE/out"
    grep -qa '"1.1.1"' "$CASE/out"
    # The options that were asked with are part of the answer, byte by byte.
    any "$(body 'BinaryName = "other-one"')" >"$CASE/in"
    python3 -c 'import sys; sys.exit(open(sys.argv[1], "rb").read() not in open(sys.argv[2], "rb").read())' "$CASE/in" "$CASE/out"
    host 'BinaryName = "other-two"'
    [[ $(info) == *'"ociVersionMin": "2.2.2"'* ]]
    [[ $(info "$(runc_options '"root": "/x"')") == *'"ociVersionMin": "2.2.2"'* ]]
    [[ $(info "$(file "$CASE/f")") == *'"ociVersionMin": "1.1.1"'* ]]
    not grep -q annotations <<<"$output"
}

# bats test_tags=direct
@test "T-048 C-1.61 C-5.50 -info of a crun without features succeeds and tells none" {
    mkdir "$CASE/path"
    cat >"$CASE/path/crun" <<'SH'
#!/bin/sh
echo "unknown command $1" >&2
exit 1
SH
    chmod +x "$CASE/path/crun"
    host "BinaryName = '$CASE/path/crun'"
    run --separate-stderr bash -c '"$SHIM_BINARY" -info </dev/null >"$CASE/out"'
    [ "$status" -eq 0 ]
    [ -z "$stderr" ]
    run python3 "$INTEGRATION/ttrpc.py" decode RuntimeInfo <"$CASE/out"
    [[ $output == "{\"name\": \"$SHIM_RUNTIME\", \"version\": {"* ]]
    [[ $output != *features* ]]
    rm -r "$CASE/path"
}

# bats test_tags=direct
@test "C-1.60 C-1.62 -info tells the features of a runtime that warns of something first" {
    teller other-one '{"ociVersionMin": "1.1.1"}'
    sed -i '2i echo "a warning" >&2' "$DIR/bin/other-one"
    host 'BinaryName = "other-one"'
    [[ $(info) == *'"ociVersionMin": "1.1.1"'* ]]
}

# bats test_tags=direct
@test "C-1.60 -info with what is no options, or no runtime, is a clear error" {
    fails 1 "$SHIM_RUNTIME: stdin: Any: malformed" "$SHIM_BINARY" -info < <(printf '\377\377')
    fails 1 'options of type "other.Options"' "$SHIM_BINARY" -info < <(any 'options:={"@type": "other.Options", "@hex": "0801"}')
    fails 1 "config_body: line 1: " "$SHIM_BINARY" -info < <(any "$(body 'x')")
    fails 1 "RuncOptions: malformed" "$SHIM_BINARY" -info < <(any 'options:={"@type": "containerd.runc.v1.Options", "@hex": "32ff"}')
    fails 1 "other-none" "$SHIM_BINARY" -info < <(any "$(body 'BinaryName = "other-none"')")
    fails 1 "/nonexistent/runc" "$SHIM_BINARY" -info < <(any "$(runc_options '"binary_name": "/nonexistent/runc"')")
    host 'BinaryName = "other-none"'
    fails 1 "other-none" "$SHIM_BINARY" -info </dev/null
}
