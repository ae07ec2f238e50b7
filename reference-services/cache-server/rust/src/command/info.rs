//! INFO.

use super::connection::REDIS_VERSION;
use super::{Call, Outcome};
use crate::stats::Closed;
use crate::store::{DATABASES, ShardStats};
use std::fmt::Write as _;
use std::sync::atomic::Ordering::Relaxed;

const EVERYTHING: [&str; 3] = ["default", "all", "everything"];
const PAGE_BYTES: u64 = 4_096;

/// What all shards together counted, and how many keys each database has: all, and those with a
/// time to live.
pub(super) fn totals(call: &mut Call<'_, '_>) -> (ShardStats, [(usize, usize); DATABASES]) {
    let mut stats = ShardStats::default();
    let mut keys = [(0, 0); DATABASES];
    call.locks.each(|shard| {
        stats.add(&shard.stats);
        for (db, (all, expiring)) in keys.iter_mut().enumerate() {
            let (more, more_expiring) = shard.len(db as u8);
            *all += more;
            *expiring += more_expiring;
        }
    });
    (stats, keys)
}

/// Resident memory of this process, in bytes; 0 where the system does not tell.
pub fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or_default() * PAGE_BYTES
}

pub(super) fn info(call: &mut Call<'_, '_>) -> Outcome {
    let wanted: Vec<String> = call
        .args
        .starting_at(1)
        .map(|it| String::from_utf8_lossy(it).to_ascii_lowercase())
        .collect();
    let all = wanted.is_empty() || wanted.iter().any(|name| EVERYTHING.contains(&name.as_str()));
    let sections = sections(call);
    let mut text = String::new();
    for (name, lines) in sections {
        if !all && !wanted.iter().any(|it| it.eq_ignore_ascii_case(name)) {
            continue;
        }
        if !text.is_empty() {
            text.push_str("\r\n");
        }
        // Writing to a string cannot fail.
        let _ = write!(text, "# {name}\r\n");
        for (field, value) in lines {
            let _ = write!(text, "{field}:{value}\r\n");
        }
    }
    call.reply.verbatim(&text);
    Ok(())
}

type Lines = Vec<(String, String)>;

fn sections(call: &mut Call<'_, '_>) -> [(&'static str, Lines); 7] {
    let (counted, keys) = totals(call);
    let server = call.server;
    let (config, stats) = (&server.config, &server.stats);
    let uptime_s = server.clock.now_ms().saturating_sub(server.started_ms) / 1_000;
    let commands: u64 = stats.commands().iter().sum();
    let budget = &server.store.budget;
    let line = |name: &str, value: &dyn ToString| (name.to_owned(), value.to_string());
    let databases = keys.iter().enumerate().filter(|(_, (all, _))| *all > 0);
    let databases = databases.map(|(db, (all, expiring))| {
        (format!("db{db}"), format!("keys={all},expires={expiring},avg_ttl=0"))
    });
    [
        (
            "Server",
            vec![
                line("redis_version", &REDIS_VERSION),
                line("redis_mode", &"standalone"),
                line("cache_server", &"rust"),
                line("process_id", &std::process::id()),
                line("tcp_port", &config.port),
                line("uptime_in_seconds", &uptime_s),
                line("threads", &config.threads),
            ],
        ),
        (
            "Clients",
            vec![
                line("connected_clients", &server.clients.len()),
                line("maxclients", &config.clients_max()),
                // No command blocks; `redis-cli --stat` wants to know all the same.
                line("blocked_clients", &0),
                line("client_buffer_bytes", &stats.buffer_bytes.load(Relaxed)),
            ],
        ),
        (
            "Memory",
            vec![
                line("used_memory", &budget.bytes_used()),
                line("used_memory_rss", &resident_bytes()),
                line("maxmemory", &budget.bytes_max()),
                line("maxmemory_policy", &server.policy().name()),
            ],
        ),
        ("Persistence", vec![line("loading", &0)]),
        (
            "Stats",
            vec![
                line("total_connections_received", &stats.connections.load(Relaxed)),
                line("total_commands_processed", &commands),
                line("rejected_connections", &stats.closed(Closed::Maxclients)),
                line("expired_keys", &counted.expired),
                line("evicted_keys", &counted.evicted),
                line("keyspace_hits", &counted.hits),
                line("keyspace_misses", &counted.misses),
                line("client_output_buffer_limit_disconnections", &stats.closed(Closed::Reply)),
            ],
        ),
        ("Replication", vec![line("role", &"master"), line("connected_slaves", &0)]),
        ("Keyspace", databases.collect()),
    ]
}
