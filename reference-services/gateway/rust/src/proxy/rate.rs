//! Token buckets, one for each client.

use crate::config::Rate;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const SHARDS: usize = 16;
const BUCKETS_MAX: usize = 65_536 / SHARDS;
const SWEEP_PAUSE: Duration = Duration::from_secs(1);
/// The bucket that newcomers share when there is no room; no client has an empty name.
const OVERFLOW: &str = "";

#[derive(Debug)]
pub(super) struct Limiter {
    per_second: f64,
    burst: f64,
    hasher: RandomState,
    shards: [Mutex<Shard>; SHARDS],
}

#[derive(Debug, Default)]
struct Shard {
    buckets: HashMap<String, Bucket>,
    swept: Option<Instant>,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Limiter {
    pub(super) fn new(rate: &Rate) -> Self {
        Self {
            per_second: rate.per_minute as f64 / 60.0,
            burst: rate.burst as f64,
            hasher: RandomState::new(),
            shards: Default::default(),
        }
    }

    /// Takes a token, or says how long until there is one.
    pub(super) fn take(&self, client: &str, now: Instant) -> Result<(), Duration> {
        let place = self.hasher.hash_one(client) as usize % SHARDS;
        let Some(shard) = self.shards.get(place) else { return Ok(()) };
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        let client = self.known_or_new(&mut shard, client, now);
        if !shard.buckets.contains_key(client) {
            shard.buckets.insert(client.to_owned(), Bucket { tokens: self.burst, at: now });
        }
        let Some(bucket) = shard.buckets.get_mut(client) else { return Ok(()) };
        bucket.tokens = self.level(bucket, now);
        bucket.at = now;
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            return Ok(());
        }
        Err(Duration::from_secs_f64((1.0 - bucket.tokens) / self.per_second))
    }

    fn level(&self, bucket: &Bucket, now: Instant) -> f64 {
        let gained = now.saturating_duration_since(bucket.at).as_secs_f64() * self.per_second;
        self.burst.min(bucket.tokens + gained)
    }

    /// Whose bucket it is: the client's own if there is one or room for one.
    fn known_or_new<'a>(&self, shard: &mut Shard, client: &'a str, now: Instant) -> &'a str {
        if shard.buckets.len() < BUCKETS_MAX || shard.buckets.contains_key(client) {
            return client;
        }
        if shard.swept.is_none_or(|swept| now.saturating_duration_since(swept) >= SWEEP_PAUSE) {
            shard.swept = Some(now);
            shard.buckets.retain(|_, bucket| self.level(bucket, now) < self.burst);
        }
        if shard.buckets.len() < BUCKETS_MAX { client } else { OVERFLOW }
    }
}

/// What an address is counted by: itself, or the network of a host with IPv6.
pub(super) fn client_of(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}
