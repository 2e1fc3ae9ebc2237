//! How glibc keeps memory once an interpreter with many threads is in the process. By itself it gives each thread a pool, and
//! takes blocks of up to 32 MB from pools after the first such block was freed: what large payloads leave behind then stays for
//! good (40 calls with 5 MB on 64 threads of Python: 670 MB;
//! 16 threads of Ruby with 100 KB: 650 to 850 MB in the place of 450). Elsewhere, and where the environment has its say, nothing is changed.

/// Before the first thread of an interpreter. Larger blocks are the kernel's, and go back to it at once.
pub fn restrain() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    glibc::restrain();
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod glibc {
    const POOLS: (&str, i32, i32) = ("MALLOC_ARENA_MAX", libc::M_ARENA_MAX, 2);
    const LARGEST_POOLED: (&str, i32, i32) = ("MALLOC_MMAP_THRESHOLD_", libc::M_MMAP_THRESHOLD, 1024 * 1024);
    /// Unless it is said, setting the one above sets it to 128 KiB, which payloads of that size would go back and forth over.
    const KEPT_AT_THE_END: (&str, i32, i32) = ("MALLOC_TRIM_THRESHOLD_", libc::M_TRIM_THRESHOLD, 4 * 1024 * 1024);

    pub fn restrain() {
        if std::env::var_os("GLIBC_TUNABLES").is_some() {
            return;
        }
        for (variable, parameter, value) in [POOLS, LARGEST_POOLED, KEPT_AT_THE_END] {
            if std::env::var_os(variable).is_none() {
                // SAFETY: a setting of malloc, which takes its lock
                unsafe { libc::mallopt(parameter, value) };
            }
        }
    }
}
