# Docker 28 (dockerd of sid) on top of containerd 2.1, with our shim: contract C-1.9, C-3.63 … C-3.65, C-3.90. Under containerd 1.6 it
# is Docker 20.10 (of bookworm), which asks for the Go shim's name alone (C-1.8).
# DOCKER_RUNTIME=io.containerd.runc.v2: all of it with the Go shim, for comparison.

# bats file_tags=containerd:1-6, containerd:2-1, docker

load lib

setup_file() {
    setup_suite_file
    start_docker
}

teardown_file() {
    stop_docker
    teardown_suite_file
}

teardown() {
    local id
    for id in $(docker ps -aq); do docker rm -fv "$id" >/dev/null; done
    if grep " $DOCKER/overlay2/.*/merged " /proc/self/mountinfo; then return 1; fi
    end_case
}

# docker daemon -------------------------------------------------------------------------------------

is_old() { ! daemon_since 2.1; }

# start_docker [OPTION...]: dockerd with the containerd of this file, and an image `box` of the file's root.
start_docker() {
    local cgroups=(--exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "/$PARENT") suite=sid packages=(docker.io docker-cli tini-static)
    if is_old; then suite=bookworm packages=(docker.io tini); fi
    # A machine has it.
    DOCKER_ROOT=
    [ -n "${SWIFTRUNC_PREBUILT:-}" ] || DOCKER_ROOT=$("$INTEGRATION/packages.sh" "$suite" "${packages[@]}")
    export DOCKER_ROOT
    [ "${SHIM_DRIVER:-}" != systemd ] || cgroups=(--exec-opt native.cgroupdriver=systemd --cgroup-parent "$PARENT.slice")
    : "${DOCKER:=$(mktemp -d /run/dk.XXXX)}"
    export DOCKER
    if is_old; then
        echo '{}' >"$DIR/docker.json"
        [ "${DOCKER_RUNTIME:-}" = io.containerd.runc.v2 ] || ln -sf "$SHIM_BINARY" "$DIR/bin/containerd-shim-runc-v2"
    else
        # The document's, with another default for comparison.
        echo "BinaryName = \"$DIR/no-runtime\"" >"$DIR/broken.toml"
        document docker.md json | sed "s|/usr/bin/crun|$DIR/bin/runc|
            s|\"runtimes\": {|&\"broken\": {\"runtimeType\": \"$SHIM_RUNTIME\", \"options\": {\"ConfigPath\": \"$DIR/broken.toml\"}},|
            s|\"default-runtime\": .*|\"default-runtime\": \"${DOCKER_RUNTIME:-swiftrunc}\"|" >"$DIR/docker.json"
    fi
    (
        close_inherited
        exec env PATH="$DIR/bin:$(dirname "$SHIM_BINARY"):$DOCKER_ROOT/usr/sbin:$DOCKER_ROOT/usr/bin:$PATH" TMPDIR="$DIR/tmp" \
            "$DOCKER_ROOT/usr/sbin/dockerd" --config-file "$DIR/docker.json" --containerd "$SOCK" --containerd-namespace "$NS" \
            --containerd-plugins-namespace "$NS-plugins" --host "unix://$DIR/docker.sock" --data-root "$DOCKER" \
            --exec-root "$DOCKER/run" --pidfile "$DIR/docker.pid" --bridge none --iptables=false --ip6tables=false \
            --init-path "$DOCKER_ROOT/usr/bin/docker-init" "${cgroups[@]}" "${@:---live-restore}" \
            >>"$DIR/docker.log" 2>&1 </dev/null
    ) &
    echo $! >"$DIR/docker.job"
    wait_until -t 30 docker version || {
        tail -20 "$DIR/docker.log" >&3
        return 1
    }
    docker image inspect box >/dev/null 2>&1 || tar -C "$ROOTFS" -c . | docker import - box >/dev/null
}

end_docker() {
    local pid
    pid=$(cat "$DIR/docker.job")
    kill "$pid" 2>/dev/null || :
    wait_until -t 30 gone "$pid" || kill -KILL "$pid"
    wait "$pid" 2>/dev/null || :
}

stop_docker() {
    end_docker
    # Each start leaves its directory another mount.
    while umount -R "$DOCKER" 2>/dev/null; do :; done
    rm -rf --one-file-system "$DOCKER"
}

docker() {
    timeout --foreground -k 1 60 "$DOCKER_ROOT/usr/bin/docker" --host "unix://$DIR/docker.sock" "$@"
}

# run OPTION... IMAGE COMMAND...: `docker run` without a network.
run_box() { docker run --network none "$@"; }

# box_pid NAME
box_pid() { docker inspect --format '{{.State.Pid}}' "$1"; }

# state NAME FIELD...: fields of its .State, one a line.
state() {
    local name=$1 field
    shift
    for field in "$@"; do docker inspect --format "{{.State.$field}}" "$name"; done
}

# is_in NAME STATUS
is_in() { [ "$(state "$1" Status)" = "$2" ]; }

# box NAME [OPTION...] -- COMMAND...: runs in the background.
box() {
    local name=$1 options=()
    shift
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift
    run_box -d --name "$name" "${options[@]}" box "$@" >/dev/null
}

@test "T-050 T-166 C-1.9 docker run by default, by the runtime's name and by an alias with options" {
    run -7 run_box --rm box sh -c 'echo hello; echo there >&2; exit 7'
    [[ $output == *hello* ]]
    [[ $output == *there* ]]
    box b1 -- sleep 1000
    if [ -z "${DOCKER_RUNTIME:-}" ]; then [ "$(readlink "/proc/$(shims | awk 'NR == 1 { print $1 }')/exe")" = "$SHIM_BINARY" ]; fi
    if is_old || [ -n "${DOCKER_RUNTIME:-}" ]; then return; fi
    run_box --rm --runtime swiftrunc-crun box true
    # Its options are a file's.
    run -127 run_box --rm --runtime broken box true
    [[ $output == *"$DIR/no-runtime"* ]]
    # As it is written.
    # shellcheck disable=SC1090 # the document's
    [ "$(export IMAGE=box && source <(document docker.md sh))" = hello ]
}

@test "T-116 docker run: 125, 126, 127, 137, 143 and the rest" {
    run -125 run_box --no-such-option box true
    run -126 run_box --rm box /tmp
    run -127 run_box --rm box no-such-program
    # Not the first of a namespace, which the kernel does not kill for its own.
    run -137 run_box --rm --pid host box sh -c 'kill -9 $$'
    run -143 run_box --rm --pid host box sh -c 'kill -TERM $$'
    run -255 run_box --rm box sh -c 'exit 255'
}

@test "docker logs has all lines of both streams, in order" {
    # More than a fifo holds, in long lines: docker closes its log ten seconds after the end, and a line takes a slow machine long.
    lines() { seq 60000 | tr '\n' ' ' | fold -w 99 && echo; }
    run_box --name b1 box sh -c "$(declare -f lines); lines; lines >&2" >/dev/null 2>&1
    docker logs b1 >"$CASE/out" 2>"$CASE/err"
    lines | cmp - "$CASE/out"
    lines | cmp - "$CASE/err"
}

@test "docker run -t and -i: a terminal, stdin to its end" {
    run run_box --rm -t box sh -c 'test -t 1 && echo terminal'
    [[ $output == terminal* ]]
    [ "$(seq 1000 | run_box --rm -i box sh -c 'cat | wc -l')" -eq 1000 ]
}

@test "docker exec: output, status, terminal, stdin, many at once" {
    box b1 -- sleep 1000
    run -3 docker exec b1 sh -c 'echo hello; exit 3'
    [ "$output" = hello ]
    run docker exec -t b1 sh -c 'test -t 1 && echo terminal'
    [[ $output == terminal* ]]
    [ "$(seq 1000 | docker exec -i b1 sh -c 'cat | wc -l')" -eq 1000 ]
    # Docker 20.10 says so whichever the shim.
    if is_old; then run -126 docker exec b1 no-such-program; else run -127 docker exec b1 no-such-program; fi
    for i in $(seq 10); do docker exec b1 sh -c "echo $i" >"$CASE/out.$i" & done
    wait
    cat "$CASE"/out.* | sort -n | cmp - <(seq 10)
}

@test "docker stop, kill, wait, restart" {
    box b1 -- sh -c 'trap "exit 5" TERM; while :; do sleep 0.1; done'
    docker stop b1
    [ "$(state b1 ExitCode)" = 5 ]
    docker start b1
    docker kill -s KILL b1
    [ "$(docker wait b1)" = 137 ]
    docker start b1
    before=$(box_pid b1)
    docker restart -t 5 b1
    [ "$(box_pid b1)" != "$before" ]
    docker stop -t 1 b1
}

@test "C-2.13 C-3.28 a container whose delete takes docker too long starts again" {
    box b1 -- sleep 1000
    touch "$FAKE_RUNC/delete.hold"
    docker kill b1
    wait_until -t 40 grep -q 'failed to delete container from containerd' "$DIR/docker.log"
    rm "$FAKE_RUNC/delete.hold"
    wait_until not pgrep -f "runc .*--log $DIR/.* delete "
    is_in b1 exited
    docker start b1
    is_in b1 running
    docker rm -f b1
}

@test "docker pause, top, stats, update" {
    box b1 -- sleep 1000
    docker pause b1
    is_in b1 paused
    docker unpause b1
    is_in b1 running
    docker top b1 | grep -q 'sleep 1000'
    docker stats --no-stream --format '{{.PIDs}} {{.MemUsage}}' b1 | grep -Eq '^1 [1-9][0-9.]*[KM]iB'
    docker update --memory 64m --memory-swap 64m --pids-limit 50 b1
    docker inspect --format '{{.HostConfig.Memory}}' b1 | grep -qx 67108864
    limit=$(sed -nE 's|^[0-9]+:memory:(.*)|/sys/fs/cgroup/memory\1/memory.limit_in_bytes|p' "/proc/$(box_pid b1)/cgroup")
    [ -n "$limit" ] || limit=$(sed -nE 's|^0::(.*)|/sys/fs/cgroup\1/memory.max|p' "/proc/$(box_pid b1)/cgroup")
    [ "$(cat "$limit")" = 67108864 ]
}

@test "C-3.73 docker says OOMKilled, and only of who was" {
    run -137 run_box --name b1 --memory 20m --memory-swap 20m box sh -c 'tail /dev/zero'
    [ "$(state b1 OOMKilled)" = true ]
    run -1 run_box --name b2 --memory 20m box false
    [ "$(state b2 OOMKilled)" = false ]
}

@test "docker's health checks are execs: healthy, unhealthy" {
    box b1 --health-cmd 'test -e /tmp/ready' --health-interval 200ms --health-retries 2 -- sleep 1000
    healthy() { [ "$(state b1 Health.Status)" = "$1" ]; }
    wait_until healthy unhealthy
    docker exec b1 touch /tmp/ready
    wait_until healthy healthy
}

@test "docker run --init: a process of docker's is the first, and reaps" {
    box b1 --init -- sh -c 'sleep 1000'
    docker exec b1 cat /proc/1/cmdline | tr '\0' ' ' | grep -q docker-init
    docker stop -t 5 b1
    [ "$(state b1 ExitCode)" = 143 ]
}

# said_of_readonly LINE: what was read, and that it cannot be written. Docker brings stdout and stderr in any order.
said_of_readonly() {
    echo "$output"
    grep -qx "$1" <<<"$output"
    grep -q Read-only <<<"$output"
}

@test "docker run -v and --mount: both ways, read-only" {
    mkdir -p "$CASE/data"
    run_box --rm -v "$CASE/data:/data" box sh -c 'echo 2 >/data/file'
    [ "$(cat "$CASE/data/file")" = 2 ]
    run -1 run_box --rm -v "$CASE/data:/data:ro" box sh -c 'cat /data/file; echo x >/data/file'
    said_of_readonly 2
}

@test "C-1.8 under the Go shim's name: its options, and read-only for what is mounted below too" {
    if is_old || [ "${DOCKER_RUNTIME:-}" = io.containerd.runc.v2 ]; then skip "the name is taken"; fi
    ln -s "$SHIM_BINARY" "$DIR/bin/containerd-shim-runc-v2"
    mkdir -p "$CASE/data/below"
    mount -t tmpfs tmpfs "$CASE/data/below"
    echo 1 >"$CASE/data/below/file"
    # Docker asks runc itself, and of no shim, whether it can do that.
    run run_box --rm --runtime io.containerd.runc.v2 -v "$CASE/data:/data:ro" box sh -c 'cat /data/below/file; echo x >/data/below/file'
    umount "$CASE/data/below"
    box b1 --runtime io.containerd.runc.v2 -- sleep 1000
    exe=$(readlink "/proc/$(shims | awk 'NR == 1 { print $1 }')/exe")
    rm "$DIR/bin/containerd-shim-runc-v2"
    [ "$status" -eq 1 ]
    said_of_readonly 1
    [ "$exe" = "$SHIM_BINARY" ]
    docker rm -f b1
}

@test "docker's restart policies" {
    box b1 --restart on-failure:3 -- sh -c 'exit 1'
    wait_until -t 30 is_in b1 exited
    [ "$(docker inspect --format '{{.RestartCount}}' b1)" -eq 3 ]
    box b2 --restart always -- sleep 1000
    before=$(box_pid b2)
    kill -KILL "$before"
    another() { is_in b2 running && [ "$(box_pid b2)" != "$before" ]; }
    wait_until another
}

@test "docker attach: input goes in, output comes out, the status is the container's" {
    # docker gives up what comes after the end of its own stdin.
    mkfifo "$CASE/in"
    # shellcheck disable=SC2034 # held open
    exec {held}<>"$CASE/in"
    run_box -d -i --name b1 box sh -c 'read line; echo "got $line"; exit 9' >/dev/null
    echo word >"$CASE/in"
    run -9 docker attach b1 <"$CASE/in"
    [ "$output" = "got word" ]
}

@test "C-2.45 live-restore: containers outlive dockerd, and it learns how they ended meanwhile" {
    box b1 -- sleep 1000
    box b2 -- sh -c 'while [ ! -e /tmp/stop ]; do sleep 0.1; done; exit 4'
    pid=$(box_pid b1)
    docker exec b2 true
    other=$(box_pid b2)
    kill -KILL "$(cat "$DIR/docker.job")"
    wait_until gone "$(cat "$DIR/docker.job")"
    touch "/proc/$other/root/tmp/stop"
    wait_until gone "$other"
    start_docker
    [ "$(box_pid b1)" = "$pid" ]
    wait_until is_in b2 exited
    [ "$(state b2 ExitCode)" = 4 ]
    docker exec b1 true
}

@test "docker: ${BOXES:-30} containers at once" {
    count=${BOXES:-30}
    for i in $(seq "$count"); do run_box --name "b$i" box sh -c "exit $i" & done
    wait
    for i in $(seq "$count"); do [ "$(state "b$i" ExitCode)" = "$i" ]; done
}

@test "docker swarm: a service with replicas, up and down, another version; who dies comes again" {
    end_docker
    start_docker --live-restore=false
    docker swarm init --advertise-addr 127.0.0.1 --listen-addr "127.0.0.1:$((20000 + $$ % 10000))" >/dev/null
    docker service create --detach --name s1 --replicas 3 --network host --restart-delay 100ms --stop-grace-period 1s box sleep 1000 >/dev/null
    wait_until -t 60 replicas 3 'sleep 1000'
    docker service scale --detach s1=5 >/dev/null
    wait_until -t 60 replicas 5 'sleep 1000'
    kill -KILL "$(box_pid "$(docker ps -q | head -n 1)")"
    died() { [ "$(docker ps -aq --filter exited=137 | wc -l)" -ge 1 ]; }
    wait_until died
    wait_until -t 60 replicas 5 'sleep 1000'
    docker service update --detach --args 'sleep 2000' --update-parallelism 5 s1 >/dev/null
    wait_until -t 60 replicas 5 'sleep 2000'
    docker service scale --detach s1=1 >/dev/null
    wait_until -t 60 replicas 1 'sleep 2000'
    docker service rm s1 >/dev/null
    wait_until -t 60 replicas 0 'sleep'
    docker swarm leave --force >/dev/null
    end_docker
    start_docker
}

# replicas COUNT COMMAND: so many containers run, all of them that.
replicas() {
    local ids
    mapfile -t ids < <(docker ps -q --no-trunc)
    [ "${#ids[@]}" -eq "$1" ] && [ "$(shims | wc -l)" -eq "$1" ] || return
    [ "$1" -eq 0 ] || [ "$(docker inspect --format '{{.Path}} {{join .Args " "}}' "${ids[@]}" | sort -u)" = "$2" ]
}

# It needs an entry in /etc/subuid.
# bats test_tags=machine
@test "docker --userns-remap: owners are mapped, in the container and in its volumes" {
    [ -n "${SWIFTRUNC_PREBUILT:-}" ] || skip "it changes /etc"
    echo 'dockremap:x:999:999::/:/bin/false' >>/etc/passwd
    echo 'dockremap:x:999:' >>/etc/group
    echo 'dockremap:200000:65536' | tee /etc/subuid >/etc/subgid
    end_docker
    chmod 711 "$DIR" "$DOCKER"
    start_docker --userns-remap dockremap
    box b1 -- sh -c 'echo out; exec sleep 1000'
    [ "$(stat -c %u "/proc/$(box_pid b1)")" = 200000 ]
    [ "$(docker exec b1 cat /proc/self/uid_map | awk '{ print $1, $2, $3 }')" = '0 200000 65536' ]
    [ "$(docker logs b1)" = out ]
    run -7 run_box --rm -t box sh -c 'exit 7'
    docker rm -f b1
    end_docker
    start_docker
}
