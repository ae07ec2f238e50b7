//! Hit ratios: reads in a fixed order in which what is not there is stored, as an application does
//! that fills its cache on a miss. Nothing is timed.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use assay_evidence::Hits;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

use crate::commands::{Commands, Keys, Plain};
use crate::generator::Interrupted;
use crate::process;
use crate::reply::{self, Reply};
use crate::scenario::{TraceId, TracePlan};

/// Reads that go out together. What they miss is stored before the next ones; a key that is missed
/// twice within them is stored twice and counts as two misses, alike for every cache.
const TOGETHER: usize = 32;

/// How long one answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// The order in which a trace reads keys.
struct Reads<'a> {
    plan: &'a TracePlan,
    keys: Keys,
    random: ChaCha8Rng,
    /// How many reads are made.
    made: u32,
    /// Of the scan under way: how many keys are left, and the next one.
    left: u32,
    next_scanned: u32,
}

impl<'a> Reads<'a> {
    fn new(plan: &'a TracePlan, seed: u64) -> Self {
        Self {
            plan,
            keys: Keys::new(plan.keys, plan.draw),
            random: ChaCha8Rng::seed_from_u64(seed),
            made: 0,
            left: 0,
            // Scanned keys lie beyond those that are read again.
            next_scanned: plan.keys,
        }
    }
}

impl Iterator for Reads<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        if self.made == self.plan.reads {
            return None;
        }
        let number = self.made;
        self.made += 1;
        if self.plan.id == TraceId::Loop {
            return Some(number % self.plan.keys);
        }
        if self.left > 0 {
            self.left -= 1;
            self.next_scanned += 1;
            return Some(self.next_scanned);
        }
        if self.plan.scan_every > 0 && number % self.plan.scan_every == self.plan.scan_every - 1 {
            self.left = self.plan.scan_keys;
        }
        Some(self.keys.draw(&mut self.random))
    }
}

/// One connection on which replies are waited for.
struct Session<'a> {
    commands: &'a Commands,
    stream: TcpStream,
    out: Vec<u8>,
    received: Vec<u8>,
}

impl Session<'_> {
    /// Sends what is in `out` and hands `count` replies to `see` in turn.
    fn exchange(
        &mut self,
        count: usize,
        mut see: impl FnMut(usize, &Reply<'_>) -> Result<()>,
    ) -> Result<()> {
        self.stream.write_all(&self.out)?;
        self.out.clear();
        self.received.clear();
        let mut chunk = [0; 16 * 1024];
        // Replies are read from the start again when some were missing, which is rare.
        loop {
            let read = self.stream.read(&mut chunk).context("no answer")?;
            ensure!(read > 0, "the connection was closed before an answer");
            self.received.extend_from_slice(chunk.get(..read).unwrap_or_default());
            let mut rest = self.received.as_slice();
            let mut replies = Vec::with_capacity(count);
            while replies.len() < count
                && let Some((reply, after)) = reply::read(self.commands.protocol(), rest)
                    .map_err(|broken| anyhow!("{broken}"))?
            {
                replies.push(reply);
                rest = after;
            }
            if replies.len() == count {
                return replies.iter().enumerate().try_for_each(|(at, reply)| see(at, reply));
            }
        }
    }
}

/// Empties a cache and sends it a trace.
///
/// # Errors
/// When an answer is neither the key's value nor nothing, or a store is refused.
pub(crate) fn run(
    addr: SocketAddr,
    commands: &Commands,
    plan: &TracePlan,
    seed: u64,
    stop: &AtomicBool,
) -> Result<Hits> {
    let (_, stream) = process::ask(addr, &mut Plain::flush(commands.protocol()))?;
    stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    let mut session = Session { commands, stream, out: Vec::new(), received: Vec::new() };
    let mut reads = Reads::new(plan, seed);
    let (mut hits, mut missed) = (0_u64, Vec::with_capacity(TOGETHER));
    loop {
        if stop.load(Ordering::Relaxed) {
            return Err(Interrupted.into());
        }
        let keys: Vec<u32> = reads.by_ref().take(TOGETHER).collect();
        if keys.is_empty() {
            let trace = plan.id.to_string();
            return Ok(Hits { trace, reads: u64::from(plan.reads), hits });
        }
        keys.iter().for_each(|key| commands.write_get(&mut session.out, *key));
        session.exchange(keys.len(), |at, reply| {
            let key = keys.get(at).copied().unwrap_or(0);
            ensure!(commands.good_get(key, reply), "a read of the trace was answered {reply}");
            if *reply == Reply::Nothing {
                missed.push(key);
            } else {
                hits += 1;
            }
            Ok(())
        })?;
        if !missed.is_empty() {
            missed.iter().for_each(|key| commands.write_set(&mut session.out, *key));
            session.exchange(missed.len(), |_, reply| {
                ensure!(*reply == Reply::Ok, "a store of the trace was answered {reply}");
                Ok(())
            })?;
            missed.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Draw;

    fn plan(id: TraceId) -> TracePlan {
        let (keys, reads, draw) = (1_000, 10_000, Draw::Zipf(1.0));
        TracePlan { id, keys, reads, draw, scan_every: 0, scan_keys: 0 }
    }

    #[test]
    fn a_loop_reads_all_keys_in_turn() {
        let reads: Vec<u32> = Reads::new(&plan(TraceId::Loop), 1).collect();
        assert_eq!((reads.len(), reads[999], reads[1000]), (10_000, 999, 0));
    }

    #[test]
    fn a_scan_reads_keys_of_its_own_once() {
        let scan = TracePlan { scan_every: 500, scan_keys: 100, ..plan(TraceId::Scan) };
        let reads: Vec<u32> = Reads::new(&scan, 1).collect();
        assert_eq!(reads.len(), 10_000);
        let mut scanned: Vec<u32> = reads.iter().copied().filter(|key| *key >= 1000).collect();
        assert!(reads[500..600].iter().all(|key| *key >= 1000), "a scan is in one piece");
        let count = scanned.len();
        scanned.dedup();
        // The last of twenty scans would begin where the trace ends.
        assert_eq!((count, scanned.len()), (1_900, 1_900));
    }

    #[test]
    fn the_seed_fixes_a_trace() {
        let reads = |seed| Reads::new(&plan(TraceId::Zipf), seed).collect::<Vec<_>>();
        assert_eq!(reads(1), reads(1));
        assert_ne!(reads(1), reads(2));
        // The first rank is read in proportion to 1 ÷ its harmonic number, 7.485 for 1,000.
        let first = reads(1).iter().filter(|key| **key == 0).count();
        assert!((1_150..1_520).contains(&first), "{first}");
    }
}
