//! Trying an edited model before it is adopted: what it would advise on the documented decisions
//! and on the team's own records, beside what the model in use advises.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use assay_advice::{
    Advised, Choice, Decided, Engine, Model, ModelRef, Problem, SEED, Tally, Tried, Usage, tally,
    try_model,
};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{
    error::Error,
    own::{Own, OwnRecord},
    state::App,
};

/// How many finished trials are kept.
const KEPT: usize = 4;

/// What an edited model would change.
#[derive(Clone, Debug, Serialize)]
pub struct Trial {
    /// The edited model.
    pub model: ModelRef,
    /// The model in use.
    pub in_use: ModelRef,
    /// What to mend before it is adopted, though it can be used.
    pub warnings: Vec<String>,
    /// The documented decisions.
    pub precedents: Part,
    /// The team's own records.
    pub records: Part,
}

impl Trial {
    /// Whether both are the same text.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.model.digest == self.in_use.digest
    }
}

/// What would change in one collection of decisions.
#[derive(Clone, Debug, Serialize)]
pub struct Part {
    /// All decisions looked at.
    pub cases: usize,
    /// How many older records are not: the newest 2,000 are.
    #[serde(skip_serializing_if = "is_none")]
    pub beyond: u64,
    /// How the advice of the model in use agrees with what was chosen, in those that count: core
    /// precedents, and records that were accepted and still stand.
    pub before: Tally,
    /// How that of the edited model would.
    pub after: Tally,
    /// Those whose recommendation or verdict would change.
    pub changed: Vec<Changed>,
    /// Those whose answers the edited model does not all know.
    pub unfit: Vec<Unfit>,
}

/// A decision whose advice would change.
#[derive(Clone, Debug, Serialize)]
pub struct Changed {
    /// The precedent's or record's id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// What was chosen; absent while nothing is decided.
    pub option: Option<Choice>,
    /// What the model in use advises.
    pub before: Advised,
    /// What the edited model would.
    pub after: Advised,
}

/// A decision with answers that the edited model does not know.
#[derive(Clone, Debug, Serialize)]
pub struct Unfit {
    /// The precedent's or record's id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// What it does not know.
    pub problems: Vec<String>,
}

/// Whether to leave a count out.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
const fn is_none(count: &u64) -> bool {
    *count == 0
}

/// The trials of late, so that asking again is quick.
#[derive(Default)]
pub struct Trials {
    kept: Mutex<VecDeque<(String, Arc<Trial>)>>,
    /// Held while a trial runs: each wants a processor and some memory for itself.
    running: tokio::sync::Mutex<()>,
}

impl Trials {
    /// Tries a model, away from the threads that answer requests.
    ///
    /// # Errors
    /// When the work is cut short, because the program ends.
    pub async fn run(
        &self,
        in_use: Arc<Engine>,
        edited: Model,
        own: Own,
    ) -> Result<Arc<Trial>, Error> {
        let key = key(&in_use, &edited, &own.records);
        let _one_at_a_time = self.running.lock().await;
        let find = || {
            let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.iter().find(|(known, _)| *known == key).map(|(_, trial)| Arc::clone(trial))
        };
        if let Some(trial) = find() {
            return Ok(trial);
        }
        let work = tokio::task::spawn_blocking(move || Arc::new(run(&in_use, edited, &own)));
        let trial = work.await.map_err(|error| Error::Internal(Box::new(error)))?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_front((key, Arc::clone(&trial)));
        kept.truncate(KEPT);
        Ok(trial)
    }
}

/// Tries a model's text beside the model in use, or says what is wrong with it. Nothing is kept.
pub(crate) async fn of_text(
    app: &App,
    text: &str,
) -> Result<Result<Arc<Trial>, Vec<Problem>>, Error> {
    if text.trim().is_empty() {
        let message = "there is no text".to_owned();
        let help = "send a whole model; /model.toml is the one in use".to_owned();
        return Ok(Err(vec![Problem { field: String::new(), span: None, message, help }]));
    }
    let edited = match Model::parse(text) {
        Ok(edited) => edited,
        Err(problems) => return Ok(Err(problems)),
    };
    let own = app.own.all(app.store.as_ref()).await?;
    Ok(Ok(app.trials.run(app.engine(), edited, own).await?))
}

/// Everything that the outcome depends on.
fn key(in_use: &Engine, edited: &Model, records: &[Arc<OwnRecord>]) -> String {
    let mut hash = Sha256::new();
    for record in records {
        hash.update(record.line.hash.as_bytes());
        hash.update(record.line.standing.id().as_bytes());
    }
    for (run, scenario) in in_use.measurements().runs() {
        hash.update(format!("{run}/{scenario}\n").as_bytes());
    }
    format!("{} {} {:?}", in_use.model().digest(), edited.digest(), hash.finalize())
}

/// Holds both models against the documented decisions and the records; some ms for each.
#[must_use]
pub fn run(in_use: &Engine, edited: Model, own: &Own) -> Trial {
    let after = Engine::new(edited, in_use.measurements().clone(), SEED);
    let records: Vec<Named> = own.records.iter().map(|record| named(record)).collect();
    let (edited, used) = (after.model().reference(), in_use.model().reference());
    Trial {
        warnings: told_apart(&edited, &used).into_iter().collect(),
        model: edited,
        in_use: used,
        precedents: part(in_use, &after, &precedents()),
        records: Part { beyond: own.beyond, ..part(in_use, &after, &records) },
    }
}

/// A warning when two texts say that they are the same version of one model.
fn told_apart(edited: &ModelRef, in_use: &ModelRef) -> Option<String> {
    let ModelRef { id, version, digest } = edited;
    (*digest != in_use.digest && *id == in_use.id && *version == in_use.version).then(|| {
        format!(
            "Both say they are version {version} of {id}. Give the edited one a version of its \
             own, so that people can tell whose advice they read; records keep the digest in any \
             case."
        )
    })
}

/// A decision by its name, and whether agreeing with it counts.
struct Named {
    name: String,
    decided: Decided,
    counts: bool,
}

/// The documented decisions; those that do not judge the advice say why.
fn precedents() -> Vec<Named> {
    let named = assay_advice::precedents().iter().map(|case| {
        let counts = case.usage == Usage::Core;
        let apart = if counts { String::new() } else { format!(" ({})", case.usage.id()) };
        let answers = case.answers.clone();
        Named {
            name: format!("{}: {}{apart}", case.organisation, case.component),
            decided: Decided { id: case.id.clone(), answers, option: Some(case.option) },
            counts,
        }
    });
    named.collect()
}

/// A record of the team's own; one that is not in force says so.
fn named(record: &OwnRecord) -> Named {
    let counts = record.stands();
    let apart = if counts { String::new() } else { format!(" ({})", record.line.standing.id()) };
    Named { name: format!("{}{apart}", record.line.title), decided: record.case(), counts }
}

fn part(before: &Engine, after: &Engine, named: &[Named]) -> Part {
    let cases: Vec<Decided> = named.iter().map(|named| named.decided.clone()).collect();
    let tried = try_model(before, after, &cases);
    let all = || tried.iter().zip(named);
    let counting = || all().filter(|(_, named)| named.counts).map(|(case, _)| case);
    Part {
        cases: tried.len(),
        beyond: 0,
        before: tally(counting(), |case| &case.before),
        after: tally(counting(), |case| &case.after),
        changed: all().filter_map(|(case, named)| changed(case, &named.name)).collect(),
        unfit: all().filter_map(|(case, named)| unfit(case, &named.name)).collect(),
    }
}

fn changed(case: &Tried, name: &str) -> Option<Changed> {
    let (Ok(before), Ok(after)) = (&case.before, &case.after) else { return None };
    case.changes().then(|| Changed {
        id: case.id.clone(),
        name: name.to_owned(),
        option: case.option,
        before: before.clone(),
        after: after.clone(),
    })
}

fn unfit(case: &Tried, name: &str) -> Option<Unfit> {
    let problems = case.after.as_ref().err()?;
    let told = problems.iter().map(Problem::to_string).collect();
    Some(Unfit { id: case.id.clone(), name: name.to_owned(), problems: told })
}
