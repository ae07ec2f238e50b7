//! Made-up events of an analytics service, as lines of JSON.

use std::io::Write as _;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;

use crate::requests;
use crate::response;
use crate::scenario::EventPlan;
use crate::wire::{Broken, Ticket, Wire};

/// The time of the first, in ms: the beginning of 2026.
const START_MS: u64 = 1_767_225_600_000;

/// How much later than in turn an event's time may lie, in ms.
const LATE_MS: u64 = 5_000;

/// Values are whole thousandths below this many.
const VALUES: u32 = 1_000_000;

/// Events of one batch in which they are stored before anything is timed.
const STORED_BATCH: u32 = 10_000;

/// The events of a scenario; the same seed gives the same ones.
#[derive(Debug, Clone)]
pub(crate) struct Events {
    plan: EventPlan,
    seed: u64,
    /// How many share the stretch of time evenly; later ones begin at its start again.
    of: u32,
}

impl Events {
    pub(crate) fn new(plan: &EventPlan, seed: u64, of: u32) -> Self {
        Self { plan: plan.clone(), seed, of: of.max(1) }
    }

    /// The lines of so many events from a number on.
    pub(crate) fn lines(&self, first: u32, count: u32) -> Vec<u8> {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed ^ (u64::from(first) << 32));
        let span_ms = u64::from(self.plan.span_s) * 1000;
        let mut lines = Vec::with_capacity(count as usize * 88);
        for number in first..first.saturating_add(count) {
            let in_turn = u64::from(number % self.of) * span_ms / u64::from(self.of);
            let ts = START_MS + in_turn + random.random_range(0..LATE_MS);
            let key = random.random_range(0..self.plan.keys);
            let user = random.random_range(0..self.plan.users);
            let value = random.random_range(0..VALUES);
            // Writing into a vector does not fail.
            let _ = writeln!(
                lines,
                r#"{{"ts":{ts},"key":"key-{key}","value":{}.{:03},"tags":{{"user":"u{user}"}}}}"#,
                value / 1000,
                value % 1000
            );
        }
        lines
    }
}

/// Stores the first events, each once.
pub(crate) struct Stored<'a> {
    events: &'a Events,
    count: u32,
    next: u32,
    unexpected: Option<String>,
}

impl<'a> Stored<'a> {
    pub(crate) fn new(events: &'a Events, count: u32) -> Self {
        Self { events, count, next: 0, unexpected: None }
    }

    /// How many batches that takes.
    pub(crate) fn pieces(&self) -> usize {
        self.count.div_ceil(STORED_BATCH) as usize
    }
}

impl Wire for Stored<'_> {
    fn next(&mut self, out: &mut Vec<u8>) -> Ticket {
        let count = STORED_BATCH.min(self.count.saturating_sub(self.next));
        let lines = self.events.lines(self.next, count);
        out.extend_from_slice(&requests::batch(&lines));
        let ticket = Ticket { first: self.next as usize, count };
        self.next += count;
        ticket
    }

    /// Good only if it says that it took all of them.
    fn read(&mut self, ticket: Ticket, received: &[u8]) -> Result<Option<u32>, Broken> {
        let Some(response) = response::read(received).map_err(|_| Broken)? else {
            return Ok(None);
        };
        let body = response.content(received);
        let taken = serde_json::from_slice::<Value>(&body).ok();
        let taken = taken.as_ref().and_then(|answer| answer.get("accepted")?.as_u64());
        if response.status == 200 && taken == Some(u64::from(ticket.count)) {
            return Ok(Some(0));
        }
        let said = String::from_utf8_lossy(&body);
        let said: String = said.chars().take(200).collect();
        self.unexpected = Some(format!("with status {}: {said}", response.status));
        Ok(Some(ticket.count))
    }

    fn unexpected(&self) -> Option<String> {
        self.unexpected.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_fixes_events_within_their_stretch_of_time() {
        let plan = EventPlan { keys: 10, users: 20, span_s: 60 };
        let lines = |seed| Events::new(&plan, seed, 1000).lines(500, 500);
        assert_eq!(lines(1), lines(1));
        assert_ne!(lines(1), lines(2));
        let text = String::from_utf8(lines(1)).unwrap();
        assert_eq!(text.lines().count(), 500);
        for line in text.lines() {
            let event: Value = serde_json::from_str(line).unwrap();
            let ts = event["ts"].as_u64().unwrap() - START_MS;
            assert!((30_000..65_000).contains(&ts), "{line}");
            let number = |text: &Value, prefix| -> u32 {
                text.as_str().unwrap().strip_prefix(prefix).unwrap().parse().unwrap()
            };
            assert!(number(&event["key"], "key-") < 10 && number(&event["tags"]["user"], "u") < 20);
            assert!((0.0..1000.0).contains(&event["value"].as_f64().unwrap()));
        }
    }
}
