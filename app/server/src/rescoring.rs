//! Then against now: what is advised today on the answers of a record, beside what was advised
//! then, and why it differs.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use assay_advice::{Choice, Engine, Score, Verdict};
use assay_records::{Record, Standing};
use assay_store::{Filter, READ_AT_ONCE, StoreError, Summary, TextHash};
use uuid::Uuid;

use crate::state::App;

/// All records are gone through at most this often, however many pages ask.
const PAUSE_MIN: Duration = Duration::from_secs(2);
/// Going through them takes at most about this share of the time.
const BUSY_SHARE: u32 = 20;
/// The lines held of records that are still to be compared.
const LINES_AT_ONCE: usize = 4096;
/// The most shifts named.
const SHIFTS_MAX: usize = 4;
/// A shift below this would be shown as nothing, in points of 100.
const SHIFT_MIN: f64 = 0.5;

/// One record under the model and the runs of today.
#[derive(Clone, Debug, PartialEq)]
pub struct ThenNow {
    /// What its keepers were last told.
    pub before: Option<Choice>,
    /// The advice of today.
    pub now: Score,
    /// What differs around the advice, in sentences.
    pub causes: Vec<String>,
    /// Criteria that count otherwise now, the most changed first.
    pub shifts: Vec<Shift>,
}

/// A criterion that counts otherwise now.
#[derive(Clone, Debug, PartialEq)]
pub struct Shift {
    /// The criterion's name.
    pub criterion: String,
    /// The option that the points speak for.
    pub option: Choice,
    /// Points of 100 then; less than nothing speaks against the option.
    pub then: f64,
    /// Points of 100 now.
    pub now: f64,
}

impl ThenNow {
    /// Whether another option is recommended now, or none where there was one.
    #[must_use]
    pub fn changes(&self) -> bool {
        self.before != self.now.recommended
    }

    /// Scores a record again; none when it keeps no advice. Takes about a millisecond.
    #[must_use]
    pub fn of(engine: &Engine, record: &Record) -> Option<Self> {
        let given = record.advice.as_ref()?;
        let now = engine.recommend(&record.answers);
        let mut causes = causes(given, &now);
        // What its keepers were told since may rest on something else again.
        let told = record.events.iter().rev().find(|event| event.advised.is_some());
        if let Some(told) = told.filter(|told| told.advised != Some(given.recommended)) {
            causes.push(format!("The last revisit noted: {}.", told.detail));
        }
        Some(Self {
            before: record.last_advised()?,
            causes,
            shifts: shifts(engine, given, &now),
            now,
        })
    }
}

fn causes(then: &Score, now: &Score) -> Vec<String> {
    let mut causes = Vec::new();
    let (old, new) = (&then.model, &now.model);
    if old.digest != new.digest {
        causes.push(match old.version == new.version && old.id == new.id {
            true => format!("The model {} version {} has another text now.", new.id, new.version),
            false => format!(
                "The model is {} version {} now; it was {} version {}.",
                new.id, new.version, old.id, old.version
            ),
        });
    }
    let runs = |score: &Score| -> BTreeSet<String> {
        score.reasons.iter().filter_map(|reason| reason.evidence.clone()).collect()
    };
    let (old, new) = (runs(then), runs(now));
    let list = |runs: &BTreeSet<String>| runs.iter().cloned().collect::<Vec<_>>().join(", ");
    match (old.is_empty(), new.is_empty()) {
        _ if old == new => {}
        (true, _) => causes.push(format!("It rests on a measurement now: {}.", list(&new))),
        (_, true) => {
            causes.push(format!("It no longer rests on a measurement; it did on {}.", list(&old)));
        }
        _ => causes.push(format!("It rests on {} now; it did on {}.", list(&new), list(&old))),
    }
    causes
}

/// The criteria whose contribution moved most, seen from the option that was ahead then. Nothing when
/// other options are compared now: their contributions are not of the same difference.
fn shifts(engine: &Engine, then: &Score, now: &Score) -> Vec<Shift> {
    let [first, second] = then.compared();
    let turned = match now.compared() {
        pair if pair == [first, second] => 1.0,
        pair if pair == [second, first] => -1.0,
        _ => return Vec::new(),
    };
    let points = |score: &Score| -> HashMap<String, f64> {
        let of = |it: &assay_advice::Reason| (it.criterion.clone(), it.contribution * 100.0);
        score.reasons.iter().map(of).collect()
    };
    let (old, new) = (points(then), points(now));
    let ids: HashSet<&String> = old.keys().chain(new.keys()).collect();
    let name = |id: &str| {
        let known = engine.model().criteria().iter().find(|criterion| criterion.id == id);
        known.map_or_else(|| id.to_owned(), |criterion| criterion.name.clone())
    };
    let mut shifts: Vec<Shift> = ids
        .into_iter()
        .map(|id| Shift {
            criterion: name(id),
            option: first,
            then: old.get(id).copied().unwrap_or(0.0),
            now: new.get(id).copied().unwrap_or(0.0) * turned,
        })
        .filter(|shift| (shift.now - shift.then).abs() >= SHIFT_MIN)
        .collect();
    let size = |shift: &Shift| (shift.now - shift.then).abs();
    shifts.sort_by(|a, b| size(b).total_cmp(&size(a)).then(a.criterion.cmp(&b.criterion)));
    shifts.truncate(SHIFTS_MAX);
    shifts
}

/// A record whose recommendation would be another one today.
#[derive(Clone, Debug, PartialEq)]
pub struct Changed {
    /// Its line in a list.
    pub line: Arc<Summary>,
    /// What its keepers were last told; none when it was too close to call.
    pub before: Option<Choice>,
    /// What is advised today.
    pub now: Option<Choice>,
    /// How firmly.
    pub verdict: Verdict,
    /// What differs around the advice, in sentences.
    pub causes: Arc<[String]>,
}

/// What is known of all records in force, computed in the background and kept.
#[derive(Default)]
pub struct Rescoring {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By the record's id: the hash of the text compared, and the number of one that changes.
    known: HashMap<Uuid, (TextHash, Option<u32>)>,
    /// Those that change, the newest number first.
    changed: BTreeMap<(Reverse<u32>, Uuid), Arc<Changed>>,
    /// Every set of causes once: most records share theirs.
    causes: Vec<Arc<[String]>>,
    /// The model and the runs that the outcomes rest on.
    basis: String,
    running: bool,
    total: usize,
    not_before: Option<Instant>,
}

impl State {
    /// Whether this line's text is compared already; one that changes is kept as its line is now.
    fn knows(&mut self, line: &Arc<Summary>) -> bool {
        let Some((hash, changes)) = self.known.get(&line.id) else { return false };
        if *hash != line.hash || changes.is_some_and(|number| number != line.number) {
            return false;
        }
        let changed = self.changed.get_mut(&(Reverse(line.number), line.id));
        if let Some(changed) = changed.filter(|changed| changed.line != *line) {
            Arc::make_mut(changed).line = Arc::clone(line);
        }
        true
    }

    fn learn(&mut self, line: &Arc<Summary>, outcome: Option<ThenNow>) {
        self.forget(line.id);
        self.known.insert(line.id, (line.hash, outcome.as_ref().map(|_| line.number)));
        let Some(ThenNow { before, now, causes, .. }) = outcome else { return };
        let same = self.causes.iter().find(|known| known[..] == causes[..]).cloned();
        let causes = same.unwrap_or_else(|| {
            self.causes.push(causes.into());
            self.causes.last().cloned().unwrap_or_default()
        });
        let (now, verdict) = (now.recommended, now.verdict);
        let changed = Changed { line: Arc::clone(line), before, now, verdict, causes };
        self.changed.insert((Reverse(line.number), line.id), Arc::new(changed));
    }

    fn forget(&mut self, id: Uuid) {
        if let Some((_, Some(number))) = self.known.remove(&id) {
            self.changed.remove(&(Reverse(number), id));
        }
    }
}

/// What is known at one moment.
#[derive(Clone, Debug, Default)]
pub struct Compared {
    /// The records whose recommendation would change, the newest number first; as many as were asked
    /// for.
    pub changed: Vec<Arc<Changed>>,
    /// How many there are of those.
    pub changed_total: usize,
    /// How many records are compared.
    pub done: usize,
    /// How many there are.
    pub total: usize,
    /// Whether more are being compared.
    pub running: bool,
}

impl Rescoring {
    /// What is known now, with at most so many of the records that change. Whatever is missing or old
    /// is computed in the background; no page waits.
    pub fn look(&self, app: &App, at_most: usize) -> Compared {
        let engine = app.engine();
        let basis = basis(&engine);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.basis != basis {
            *state = State { basis: basis.clone(), running: state.running, ..State::default() };
        }
        if !state.running && state.not_before.is_none_or(|moment| Instant::now() >= moment) {
            state.running = true;
            let app = Arc::clone(app);
            tokio::spawn(async move {
                let started = Instant::now();
                if let Err(error) = pass(&app, &engine, &basis).await {
                    tracing::warn!(%error, "the records could not all be scored again");
                }
                let mut state = app.rescoring.locked();
                state.running = false;
                let pause = PAUSE_MIN.max(started.elapsed() * BUSY_SHARE);
                state.not_before = Instant::now().checked_add(pause);
            });
        }
        Compared {
            changed: state.changed.values().take(at_most).cloned().collect(),
            changed_total: state.changed.len(),
            done: state.known.len(),
            total: state.total.max(state.known.len()),
            running: state.running,
        }
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Everything besides the record that an outcome depends on.
fn basis(engine: &Engine) -> String {
    let runs = engine.measurements().runs();
    let runs: Vec<String> = runs.map(|(run, scenario)| format!("{run}/{scenario}")).collect();
    format!("{} {}", engine.model().digest(), runs.join(" "))
}

/// Compares the records in force whose text is not known yet, a part of them at a time.
async fn pass(app: &App, engine: &Arc<Engine>, basis: &str) -> Result<(), StoreError> {
    let status = Some(Standing::Accepted);
    let filter = Filter { status, examples: Some(false), ..Filter::default() };
    loop {
        let (mut seen, mut unknown) = (HashSet::new(), Vec::new());
        let mut look = |line: &Arc<Summary>| {
            seen.insert(line.id);
            if unknown.len() < LINES_AT_ONCE && !app.rescoring.locked().knows(line) {
                unknown.push(Arc::clone(line));
            }
        };
        app.store.each(&filter, &mut look).await?;
        let before = {
            let mut state = app.rescoring.locked();
            if state.basis != basis {
                return Ok(());
            }
            state.total = seen.len();
            let gone: Vec<Uuid> =
                state.known.keys().filter(|id| !seen.contains(*id)).copied().collect();
            gone.into_iter().for_each(|id| state.forget(id));
            state.known.len()
        };
        for lines in unknown.chunks(READ_AT_ONCE) {
            compare(app, engine, basis, lines).await?;
        }
        // What cannot be read meanwhile must not be asked for without end.
        if unknown.len() < LINES_AT_ONCE || app.rescoring.locked().known.len() == before {
            return Ok(());
        }
    }
}

/// Scores some records again. One that went or broke meanwhile is left out; the list of files to mend
/// tells of it.
async fn compare(
    app: &App,
    engine: &Arc<Engine>,
    basis: &str,
    lines: &[Arc<Summary>],
) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = lines.iter().map(|line| line.id).collect();
    let read = app.store.read(&ids).await?;
    let engine = Arc::clone(engine);
    let scored = tokio::task::spawn_blocking(move || {
        let outcome = |record: &Record| ThenNow::of(&engine, record).filter(ThenNow::changes);
        let scored = read.into_iter().map(|stored| (stored.id, outcome(&stored.record)));
        scored.collect::<HashMap<Uuid, Option<ThenNow>>>()
    });
    let mut scored = scored.await.unwrap_or_default();
    let mut state = app.rescoring.locked();
    // With another model or other runs in use meanwhile, the outcome is of no use.
    if state.basis == basis {
        for line in lines {
            if let Some(outcome) = scored.remove(&line.id) {
                state.learn(line, outcome);
            }
        }
    }
    Ok(())
}
