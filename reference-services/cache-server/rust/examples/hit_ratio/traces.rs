//! Traces, and the two caches that see them.

use cache_server::clock::PausedClock;
use cache_server::config::Settings;
use cache_server::server::Server;
use cache_server::store::Locks;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Bytes of the cache.
const MEMORY_BYTES: u64 = 2 << 20;
const GRANTED_BYTES: u64 = 64 << 10;
const VALUE_BYTES: usize = 64;
const ZIPF_KEYS: usize = 100_000;
const ZIPF_EXPONENT: f64 = 0.9;

/// A way to ask for keys.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Trace {
    /// Few keys often, many seldom.
    Zipf,
    /// The same, with a scan over keys that never come again in every tenth of the trace.
    ZipfWithScans,
    /// A loop over somewhat more keys than fit.
    Loop,
    /// Half of the requests for keys that never come again.
    OneHitWonders,
}

/// Shares of requests that found their key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ratios {
    /// This cache.
    pub(crate) ours: f64,
    /// A cache of as many entries that evicts the one not used for longest.
    pub(crate) lru: f64,
    /// One that evicts the one used least often since it came, of several the one not used for
    /// longest. Only the example tells.
    #[cfg_attr(test, expect(dead_code, reason = "only the example tells"))]
    pub(crate) lfu: f64,
    /// Entries that fit. Only the example tells.
    #[cfg_attr(test, expect(dead_code, reason = "only the example tells"))]
    pub(crate) entries: usize,
}

/// Pseudo-random numbers (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn zipf(requests: usize, random: &mut Random) -> Vec<u64> {
    let mut sums = Vec::with_capacity(ZIPF_KEYS);
    let mut sum = 0.0;
    for rank in 1..=ZIPF_KEYS {
        sum += (rank as f64).powf(-ZIPF_EXPONENT);
        sums.push(sum);
    }
    (0..requests)
        .map(|_| {
            let drawn = random.unit() * sum;
            sums.partition_point(|&sum| sum < drawn) as u64
        })
        .collect()
}

fn keys(trace: Trace, requests: usize, entries: usize) -> Vec<u64> {
    let mut random = Random(7);
    let popular = zipf(requests, &mut random);
    let mut fresh = 1_u64 << 32;
    let mut new = move || {
        fresh += 1;
        fresh
    };
    match trace {
        Trace::Zipf => popular,
        Trace::ZipfWithScans => {
            let scan = requests / 20;
            let scanned = |at: usize| at % (requests / 10) < scan;
            popular
                .into_iter()
                .enumerate()
                .map(|(at, key)| if scanned(at) { new() } else { key })
                .collect()
        }
        Trace::Loop => (0..requests as u64).map(|at| at % (entries as u64 * 5 / 4)).collect(),
        Trace::OneHitWonders => popular
            .into_iter()
            .map(|key| if random.next().is_multiple_of(2) { new() } else { key })
            .collect(),
    }
}

/// Looks for each key, and stores it when it is missing.
fn ours(keys: &[u64]) -> (f64, usize) {
    let settings = Settings { maxmemory_bytes: MEMORY_BYTES, ..Settings::default() };
    let server = Server::new(&settings, Box::new(PausedClock::at_ms(1)));
    let env = server.store.env(1);
    let value = [b'v'; VALUE_BYTES];
    let (mut hits, mut entries) = (0, 0);
    let mut locks = Locks::new(&server.store);
    for (at, number) in keys.iter().enumerate() {
        let name = format!("key:{number:012}");
        let key = server.store.key(0, name.as_bytes());
        let shard = locks.of(key);
        if shard.read(&env, key).is_some() {
            hits += 1;
        } else if shard.set(&env, key, &value, None).is_err() {
            // Another shard has to give room, as the server would ask it to.
            locks.grant(&env, GRANTED_BYTES);
            let stored = locks.of(key).set(&env, key, &value, None);
            debug_assert!(stored.is_ok(), "there is room now");
            server.store.budget.give_back(env.granted.replace(0));
        }
        locks.release();
        if at % 1_000 == 0 {
            entries = entries.max(server.store.sum(|shard| shard.len(0).0 as u64));
        }
    }
    (f64::from(hits) / keys.len() as f64, entries as usize)
}

fn lru(keys: &[u64], entries: usize) -> f64 {
    let (mut used_at, mut by_age) = (HashMap::new(), BTreeMap::new());
    let mut hits = 0;
    for (now, &key) in keys.iter().enumerate() {
        if let Some(before) = used_at.insert(key, now) {
            hits += 1;
            by_age.remove(&before);
        } else if used_at.len() > entries
            && let Some((_, oldest)) = by_age.pop_first()
        {
            used_at.remove(&oldest);
        }
        by_age.insert(now, key);
    }
    f64::from(hits) / keys.len() as f64
}

fn lfu(keys: &[u64], entries: usize) -> f64 {
    let (mut uses, mut by_uses) = (HashMap::new(), BTreeSet::new());
    let mut hits = 0;
    for (now, &key) in keys.iter().enumerate() {
        let (count, used_at): (u64, usize) = uses.get(&key).copied().unwrap_or_default();
        if count > 0 {
            hits += 1;
            by_uses.remove(&(count, used_at, key));
        } else if uses.len() >= entries
            && let Some((_, _, least)) = by_uses.pop_first()
        {
            uses.remove(&least);
        }
        uses.insert(key, (count + 1, now));
        by_uses.insert((count + 1, now, key));
    }
    f64::from(hits) / keys.len() as f64
}

/// All caches on one trace. The others get as many entries as ours ever held.
pub(crate) fn compare(trace: Trace, requests: usize) -> Ratios {
    let (_, entries) = ours(&keys(Trace::OneHitWonders, requests.min(100_000), 1));
    let keys = keys(trace, requests, entries);
    let (ours, held) = ours(&keys);
    let entries = held.max(1);
    Ratios { ours, lru: lru(&keys, entries), lfu: lfu(&keys, entries), entries }
}
