//! The metric ids that other crates look up.

/// Requests per second of one core, closed loop.
pub const CAPACITY: &str = "capacity_rps";
/// The greatest swept rate, requests per second, whose p99 stayed within the scenario's limit.
pub const CAPACITY_P99: &str = "capacity_p99_rps";
/// CPU time per request in µs, user and kernel, at the half-load rate.
pub const CPU: &str = "cpu_us_per_request";
/// User CPU time per request in µs at the half-load rate.
pub const CPU_USER: &str = "cpu_user_us_per_request";
/// Kernel CPU time per request in µs at the half-load rate.
pub const CPU_KERNEL: &str = "cpu_kernel_us_per_request";
/// Median latency in µs from the intended send time, at the half-load rate.
pub const HALF_P50: &str = "half_load_p50_us";
/// 95th percentile latency in µs at the half-load rate.
pub const HALF_P95: &str = "half_load_p95_us";
/// 99th percentile latency in µs at the half-load rate.
pub const HALF_P99: &str = "half_load_p99_us";
/// 99.9th percentile latency in µs at the half-load rate.
pub const HALF_P999: &str = "half_load_p999_us";
/// Proportional set size in MB (10⁶ bytes) after the first answer.
pub const IDLE_PSS: &str = "idle_pss_mb";
/// Proportional set size in MB at the end of the half load.
pub const LOADED_PSS: &str = "loaded_pss_mb";
/// Peak resident set size in MB over the process's life.
pub const PEAK_RSS: &str = "peak_rss_mb";
/// Proportional set size per idle keep-alive connection, in kB (10³ bytes).
pub const PSS_PER_CONNECTION: &str = "pss_kb_per_connection";
/// Milliseconds from starting the process to its first answer.
pub const COLD_START: &str = "cold_start_ms";
/// Seconds to build everything from nothing.
pub const CLEAN_BUILD: &str = "clean_build_s";
/// Seconds to rebuild after one function was added.
pub const INCREMENTAL_BUILD: &str = "incremental_build_s";
/// Size of the stripped binary in MB.
pub const BINARY: &str = "binary_mb";
/// Proportional set size in MB once the scenario's resident state has been built.
pub const RESIDENT_PSS: &str = "resident_pss_mb";
/// Closed-loop capacity ÷ that of the scenario's floor, 0 to 1.
pub const CAPACITY_SHARE: &str = "capacity_share_of_floor";
/// Growth of the proportional set size from idle in bytes for each entry stored beforehand.
pub const PSS_PER_ENTRY: &str = "pss_bytes_per_entry";
/// Resident set size in bytes for each entry stored beforehand, the whole process included.
pub const RSS_PER_ENTRY: &str = "rss_bytes_per_entry";
/// Proportional set size in MB a while after every entry was removed.
pub const FLUSHED_PSS: &str = "flushed_pss_mb";
/// Share of a trace's reads that found their key, 0 to 1: some keys far more often than others.
pub const HITS_ZIPF: &str = "hit_share_zipf";
/// The same, interrupted by scans.
pub const HITS_SCAN: &str = "hit_share_scan";
/// The same for keys in turn, more than fit.
pub const HITS_LOOP: &str = "hit_share_loop";
/// Milliseconds until the answer about every bucket of every key, with a 99th percentile.
pub const BUCKETS_MS: &str = "buckets_ms";
/// CPU time of that answer in ms.
pub const BUCKETS_CPU: &str = "buckets_cpu_ms";
/// Milliseconds until the answer about very many groups.
pub const GROUPS_MS: &str = "groups_ms";
/// CPU time of that answer in ms.
pub const GROUPS_CPU: &str = "groups_cpu_ms";
/// Garbage collections per second at the half-load rate. Go only.
pub const GC_CYCLES: &str = "gc_cycles";
/// The longest stop of all goroutines in µs at the half-load rate. Go only.
pub const GC_PAUSE: &str = "gc_pause_us_max";
/// CPU time of the collector as a share of the process's, at the half-load rate. Go only.
pub const GC_CPU: &str = "gc_cpu_share";
