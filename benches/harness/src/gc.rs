//! Go's trace of its collections (`GODEBUG=gctrace=1`), read from what the service says on stderr.
//!
//! The format is described in the documentation of Go's package `runtime`. Its times count from the
//! start of the runtime, a millisecond or two after that of the process, and are whole ms: on a
//! load's clock a collection lies within about 3 ms of where it was.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use assay_evidence::{Collection, Gc};

/// The most collections kept for a time line.
const MAX_COLLECTIONS: usize = 1000;

/// Go's MB are 2²⁰ bytes; ours are 10⁶.
const MB: f64 = 1.048_576;

/// The span of a load on the clock of a process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    /// Start, in ms since the process was started.
    pub(crate) start_ms: f64,
    /// Length in seconds.
    pub(crate) seconds: f64,
    /// CPU time of the process within it, in µs.
    pub(crate) cpu_us: f64,
}

impl Span {
    pub(crate) fn new(process: Instant, load: Instant, seconds: f64, cpu_us: f64) -> Self {
        let start_ms = load.saturating_duration_since(process).as_secs_f64() * 1000.0;
        Self { start_ms, seconds, cpu_us }
    }
}

/// One line of the trace.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Cycle {
    /// Start in ms since the runtime's.
    at_ms: f64,
    wall_ms: f64,
    pause_ms: f64,
    cpu_ms: f64,
    heap_mb: f64,
}

/// What the collector did within a span, from a log that also holds other lines.
pub(crate) fn read(log: &Path, span: Span) -> Result<(Gc, Vec<Collection>)> {
    let file = File::open(log).with_context(|| format!("cannot read {}", log.display()))?;
    let lines = BufReader::new(file).lines().map_while(Result::ok);
    Ok(count(lines, span))
}

fn count(lines: impl Iterator<Item = String>, span: Span) -> (Gc, Vec<Collection>) {
    let (mut collections, mut cpu_ms) = (Vec::new(), 0.0);
    let (mut cycles, mut pause, mut heap) = (0_u32, None::<f64>, None::<f64>);
    for cycle in lines.filter_map(|line| parse(&line)) {
        let start_ms = cycle.at_ms - span.start_ms;
        if !(0.0..span.seconds * 1000.0).contains(&start_ms) {
            continue;
        }
        cycles += 1;
        cpu_ms += cycle.cpu_ms;
        pause = Some(pause.unwrap_or(0.0).max(cycle.pause_ms * 1000.0));
        heap = Some(heap.unwrap_or(0.0).max(cycle.heap_mb));
        if collections.len() < MAX_COLLECTIONS {
            collections.push(Collection {
                start_ms: start_ms.round(),
                wall_us: (cycle.wall_ms * 1000.0).round(),
                pause_us: (cycle.pause_ms * 1000.0).round(),
                heap_mb: (cycle.heap_mb * 10.0).round() / 10.0,
            });
        }
    }
    let gc = Gc {
        cycles,
        seconds: span.seconds,
        pause_us_max: pause,
        cpu_share: (cpu_ms * 1000.0 / span.cpu_us.max(1.0)).min(1.0),
        heap_mb_max: heap,
    };
    (gc, collections)
}

/// Whether a line of a service's stderr is of the trace.
pub(crate) fn is_trace(line: &str) -> bool {
    parse(line).is_some()
}

/// `gc 7 @0.123s 3%: 0.018+1.2+0.003 ms clock, 0.018+0.50/0.9/0+0.003 ms cpu, 4->5->1 MB, …`
fn parse(line: &str) -> Option<Cycle> {
    let (head, rest) = line.strip_prefix("gc ")?.split_once(": ")?;
    let at_s: f64 = head.split_once('@')?.1.split_once('s')?.0.parse().ok()?;
    let mut parts = rest.split(", ");
    let clock = numbers(parts.next()?.strip_suffix(" ms clock")?)?;
    let cpu = numbers(parts.next()?.strip_suffix(" ms cpu")?)?;
    let heap: f64 = parts.next()?.split_once("->")?.0.parse().ok()?;
    // Sweep termination and mark termination stop all goroutines; marking goes on beside them.
    let (first, last) = (*clock.first()?, *clock.last()?);
    Some(Cycle {
        at_ms: at_s * 1000.0,
        wall_ms: clock.iter().sum(),
        pause_ms: first.max(last),
        cpu_ms: cpu.iter().sum(),
        heap_mb: heap * MB,
    })
}

/// The numbers of `0.1+0.2/0.3/0+0.4`.
fn numbers(text: &str) -> Option<Vec<f64>> {
    text.split(['+', '/']).map(|number| number.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "\
gc 1 @0.004s 2%: 0.010+0.30+0.002 ms clock, 0.010+0.10/0.20/0+0.002 ms cpu, 3->4->1 MB, 4 MB goal, 0 MB stacks, 0 MB globals, 1 P
gc 2 @1.500s 3%: 0.050+10+0.20 ms clock, 0.050+1.0/2.0/3.0+0.20 ms cpu, 700->710->690 MB, 1400 MB goal, 0 MB stacks, 0 MB globals, 1 P
some other line: gc 3
gc 3 @2.750s 3%: 0.40+20+0.10 ms clock, 0.40+0/4.0/0+0.10 ms cpu, 800->810->690 MB, 1400 MB goal, 0 MB stacks, 0 MB globals, 1 P (forced)
gc 4 @3.000s 3%: 0.40+20+0.10 ms clock, 0.40+0/4.0/0+0.10 ms cpu, 9->9->9 MB, 9 MB goal, 0 MB stacks, 0 MB globals, 1 P
";

    fn lines() -> impl Iterator<Item = String> {
        TRACE.lines().map(str::to_owned)
    }

    #[test]
    fn collections_within_a_load_are_counted_on_its_clock() {
        // A load from 1 s to 3 s in which the process used 100 ms of CPU time.
        let span = Span { start_ms: 1000.0, seconds: 2.0, cpu_us: 100_000.0 };
        let (gc, collections) = count(lines(), span);
        assert_eq!(gc.cycles, 2);
        // 0.05 + 1 + 2 + 3 + 0.2 and 0.4 + 4 + 0.1 ms of 100 ms.
        assert!((gc.cpu_share - 0.1075).abs() < 1e-9, "{gc:?}");
        assert_eq!(gc.pause_us_max, Some(400.0));
        assert!((gc.heap_mb_max.unwrap() - 800.0 * MB).abs() < 1e-9);
        let first =
            Collection { start_ms: 500.0, wall_us: 10_250.0, pause_us: 200.0, heap_mb: 734.0 };
        assert_eq!(collections, [first, Collection { start_ms: 1750.0, ..collections[1] }]);
    }

    #[test]
    fn no_collection_is_none() {
        let span = Span { start_ms: 10_000.0, seconds: 2.0, cpu_us: 1.0 };
        let (gc, collections) = count(lines(), span);
        assert_eq!((gc.cycles, gc.pause_us_max, gc.cpu_share), (0, None, 0.0));
        assert!(collections.is_empty());
    }

    #[test]
    fn only_whole_lines_of_the_trace_are_taken_for_it() {
        assert!(lines().filter(|line| is_trace(line)).count() == 4);
        for line in ["", "gc ", "gc 1 @", "gc 1 @x: 1 ms clock", "gc 1 @0.1s 2%: 1+2+3 ms clock"] {
            assert!(!is_trace(line), "{line}");
        }
    }
}
