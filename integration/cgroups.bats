# Cgroups that not every machine has, with each runtime: cgroup v2 with its controllers, systemd as the driver.

# bats file_tags=direct,machine,core

load runtimes

setup_file() { setup_runtimes_file; }
teardown_file() { teardown_suite_file; }
teardown() { end_case; }

@test "T-194 C-6.23 the controllers are there for the container's cgroup, and its limits hold" {
    [ -e /sys/fs/cgroup/cgroup.controllers ] && [ ${#NO_SHARES[@]} -eq 0 ] || skip "needs cgroup v2 with its controllers"
    for runtime in $(runtimes); do
        made "$runtime" sleep 1000
        edit_spec c1 'spec["linux"]["resources"] = {"memory": {"limit": 67108864}, "pids": {"limit": 77}}'
        started "$runtime"
        group=$(cgroup_of c1)
        [ "$(cat "$group/memory.max")" = 67108864 ]
        [ "$(cat "$group/pids.max")" = 77 ]
        # crun gives all but that for RDMA to the cgroup below the scope.
        without_rdma() { xargs -n 1 <"$1" | grep -vx rdma | sort; }
        [ "$(without_rdma "$group/cgroup.controllers")" = "$(without_rdma /sys/fs/cgroup/cgroup.controllers)" ]
        finish
    done
}

@test "T-194 C-6.23 a controller that one above the container's cgroup did not give is there after Create" {
    [ -e /sys/fs/cgroup/cgroup.controllers ] && [ ${#NO_SHARES[@]} -eq 0 ] || skip "needs cgroup v2 with its controllers"
    for runtime in $(runtimes); do
        made "$runtime" sleep 1000
        # The runtime would enable what is missing before. crun may have given it to a cgroup in the container's; `pids`
        # cannot be taken where udevd has given it to one of its own.
        cat >"$FAKE_RUNC/create.instead" <<SH
"\${FAKE_RUNC_REAL:-runc}" "\$@" || exit
for cgroup in "$(cgroup_of c1)" "$(dirname "$(cgroup_of c1)")"; do
    echo -cpu >"\$cgroup/cgroup.subtree_control"
done
SH
        started "$runtime"
        [ -e "$(cgroup_of c1)/cpu.max" ]
        rm "$FAKE_RUNC/create.instead"
        finish
    done
}

@test "T-113 C-3.64 C-5.52 a cgroupsPath of slice:prefix:name is a scope of systemd, until the delete" {
    [ -d /run/systemd/system ] || skip "needs systemd"
    for runtime in $(runtimes); do
        made "$runtime" sleep 1000
        scope=ctr-$NS-$runtime.scope
        edit_spec c1 "spec['linux']['cgroupsPath'] = 'system.slice:ctr:$NS-$runtime'"
        started "$runtime"
        systemctl is-active "$scope"
        grep -q "/system.slice/$scope" "/proc/$(cat "$DIR/direct/c1/init.pid")/cgroup"
        [ "$(exec_status sh -c 'exit 3')" = 3 ]
        rpc c1 Kill id=c1 signal=9
        rpc c1 Wait id=c1
        rpc c1 Delete id=c1
        wait_until not systemctl is-active "$scope"
        finish
    done
}
