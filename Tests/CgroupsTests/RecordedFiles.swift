extension Recorded {
    /// The files of a container with a memory limit, on a machine with version 1 and kernel 6.18, some
    /// numbers made different from each other.
    static let legacyFiles = [
        "cpu/cpu.stat": """
        nr_periods 7
        nr_throttled 3
        throttled_time 83212345
        nr_bursts 0
        burst_time 0

        """,
        "cpuacct/cpuacct.stat": "user 4\nsystem 1\n",
        "cpuacct/cpuacct.usage": "15825630\n",
        "cpuacct/cpuacct.usage_percpu": "3131220 12694410 \n",
        "memory/memory.stat": """
        cache 4096
        rss 49152
        rss_huge 2097152
        shmem 12288
        mapped_file 8192
        dirty 4097
        writeback 5
        workingset_refault_anon 0
        workingset_refault_file 1
        swap 0
        swapcached 0
        pgpgin 372
        pgpgout 359
        pgfault 637
        pgmajfault 2
        inactive_anon 45056
        active_anon 4098
        inactive_file 6
        active_file 4099
        unevictable 9
        hierarchical_memory_limit 67108864
        hierarchical_memsw_limit 9223372036854771712
        total_cache 14096
        total_rss 149152
        total_rss_huge 12097152
        total_shmem 112288
        total_mapped_file 18192
        total_dirty 14097
        total_writeback 15
        total_workingset_refault_anon 0
        total_workingset_refault_file 1
        total_swap 0
        total_swapcached 0
        total_pgpgin 1372
        total_pgpgout 1359
        total_pgfault 1637
        total_pgmajfault 12
        total_inactive_anon 145056
        total_active_anon 14098
        total_inactive_file 16
        total_active_file 14099
        total_unevictable 19

        """,
        "memory/memory.oom_control": "oom_kill_disable 1\nunder_oom 0\noom_kill 4\n",
        "memory/memory.usage_in_bytes": "626688\n",
        "memory/memory.limit_in_bytes": "67108864\n",
        "memory/memory.max_usage_in_bytes": "1986560\n",
        "memory/memory.failcnt": "11\n",
        "memory/memory.memsw.usage_in_bytes": "626689\n",
        "memory/memory.memsw.limit_in_bytes": "9223372036854771712\n",
        "memory/memory.memsw.max_usage_in_bytes": "1986561\n",
        "memory/memory.memsw.failcnt": "12\n",
        "memory/memory.kmem.usage_in_bytes": "233472\n",
        "memory/memory.kmem.limit_in_bytes": "9223372036854771713\n",
        "memory/memory.kmem.max_usage_in_bytes": "585728\n",
        "memory/memory.kmem.failcnt": "13\n",
        "memory/memory.kmem.tcp.usage_in_bytes": "1\n",
        "memory/memory.kmem.tcp.limit_in_bytes": "9223372036854771714\n",
        "memory/memory.kmem.tcp.max_usage_in_bytes": "2\n",
        "memory/memory.kmem.tcp.failcnt": "14\n",
        "pids/pids.current": "1\n",
        "pids/pids.max": "max\n",
        "blkio/blkio.bfq.io_serviced_recursive": "254:0 Read 99\nTotal 99\n",
        "blkio/blkio.throttle.io_service_bytes": """
        254:0 Read 4096
        254:0 Write 1048576
        254:0 Sync 1048576
        254:0 Async 4096
        254:0 Discard 0
        254:0 Total 1052672
        259:1 Write 512
        Total 1053184

        """,
        "blkio/blkio.throttle.io_serviced": "254:0 Read 1\n254:0 Write 3\nTotal 4\n",
    ]

    static let partitions = """
        major minor  #blocks  name

         254        0  268435456 vda
         254        1  268434432 vda1

        """

    /// Of a container on a machine with version 2, as the kernel's cgroup-v2 documentation has the files.
    static let unifiedFiles = [
        "pids.current": "3\n",
        "pids.max": "max\n",
        "cpu.stat": """
        usage_usec 91573
        user_usec 51573
        system_usec 40000
        core_sched.force_idle_usec 0
        nr_periods 12
        nr_throttled 4
        throttled_usec 7001
        nr_bursts 2
        burst_usec 99

        """,
        "cpu.pressure": """
        some avg10=1.25 avg60=0.30 avg300=12.07 total=84215
        full avg10=0.00 avg60=0.00 avg300=0.00 total=0

        """,
        "memory.stat": """
        anon 101
        file 102
        kernel 999
        kernel_stack 103
        pagetables 999
        sec_pagetables 999
        percpu 999
        sock 105
        vmalloc 999
        shmem 106
        zswap 999
        zswapped 999
        file_mapped 107
        file_dirty 108
        file_writeback 109
        swapcached 999
        anon_thp 110
        file_thp 999
        shmem_thp 999
        inactive_anon 111
        active_anon 112
        inactive_file 113
        active_file 114
        unevictable 115
        slab_reclaimable 116
        slab_unreclaimable 117
        slab 104
        workingset_refault_anon 999
        workingset_refault 120
        workingset_activate_anon 999
        workingset_activate 121
        workingset_restore_anon 999
        workingset_nodereclaim 122
        pgscan 124
        pgsteal 125
        pgscan_kswapd 999
        pgscan_direct 999
        pgfault 118
        pgmajfault 119
        pgrefill 123
        pgactivate 126
        pgdeactivate 127
        pglazyfree 128
        pglazyfreed 129
        zswpin 999
        thp_fault_alloc 130
        thp_collapse_alloc 131

        """,
        "memory.current": "2097152\n",
        "memory.max": "67108864\n",
        "memory.swap.current": "4096\n",
        "memory.swap.max": "max\n",
        "memory.peak": "3145728\n",
        "memory.swap.peak": "8192\n",
        "memory.pressure":
            "some avg10=0.00 avg60=0.01 avg300=0.02 total=7\nfull avg10=0.00 avg60=0.00 avg300=99.99 total=3\n",
        "memory.events": "low 1\nhigh 2\nmax 3\noom 4\noom_kill 5\noom_group_kill 6\nsock_throttled 999\n",
        "io.stat": """
        7:0\u{20}
        254:0 rbytes=8192 wbytes=4096 rios=2 wios=1 dbytes=999 dios=999
        8:16 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0

        """,
        "io.pressure":
            "some avg10=3.50 avg60=0.00 avg300=0.00 total=17\nfull avg10=3.25 avg60=0.00 avg300=0.00 total=16\n",
        "rdma.current": "mlx4_0 hca_handle=2 hca_object=2000\nocrdma1 hca_handle=3 hca_object=0\n",
        "rdma.max": "mlx4_0 hca_handle=2 hca_object=2000\nocrdma1 hca_handle=3 hca_object=max\n",
        "hugetlb.2MB.current": "4194304\n",
        "hugetlb.2MB.max": "max\n",
        "hugetlb.2MB.events": "max 5\n",
    ]
}
