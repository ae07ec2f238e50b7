//! The numbers of the model that were chosen with the documented decisions in view, as data, and
//! how well such a choice holds for an organisation that it has not seen.

use std::{collections::BTreeMap, sync::OnceLock};

use serde::{Deserialize, Serialize};

use crate::{
    CaseResult, Engine, Measurements, Model, SEED, Summary, TwoServices, Usage, backtest::results,
    model::sha256, precedent_cases, precedents,
};

const BUILTIN: &str = include_str!("../models/levers.toml");
const COMMITTED: &str = include_str!("../models/leave-one-out.toml");

/// A setting must better the sum of log scores by this much, or the earlier one stays.
const STEP: f64 = 0.1;

/// How often all levers are gone through.
const PASSES: usize = 2;

/// A share of 0 would otherwise cost infinitely much.
const FLOOR: f64 = 0.02;

/// A number of the model, or several that move together, and what was tried for it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lever {
    /// The stable id.
    pub id: String,
    /// Why it is not what the first draft said, in a sentence.
    pub reason: String,
    /// Where the numbers stand in the model: keys joined by dots; an item of a list by its place,
    /// its `id` or its `value`.
    pub at: Vec<String>,
    /// Each setting tried, with a number for each place; the first is that of the first draft.
    pub settings: Vec<Vec<f64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Levers {
    lever: Vec<Lever>,
}

/// The levers of the built-in model, `models/levers.toml`.
///
/// # Panics
/// Never: a test reads the text that is compiled in.
#[must_use]
pub fn levers() -> &'static [Lever] {
    static LEVERS: OnceLock<Vec<Lever>> = OnceLock::new();
    LEVERS.get_or_init(|| match toml::from_str::<Levers>(BUILTIN) {
        Ok(levers) => levers.lever,
        #[expect(clippy::panic, reason = "the text is compiled in and a test reads it")]
        Err(error) => panic!("models/levers.toml: {error}"),
    })
}

impl Lever {
    /// The setting that a model has; none when it has another.
    #[must_use]
    pub fn setting(&self, model: &toml::Table) -> Option<usize> {
        let mut model = model.clone();
        let now: Option<Vec<f64>> =
            self.at.iter().map(|path| number(place(&mut model, path)?)).collect();
        let now = now?;
        self.settings.iter().position(|setting| *setting == now)
    }

    /// Writes one of the settings into a model.
    fn set(&self, model: &mut toml::Table, setting: usize) {
        let numbers = self.settings.get(setting).into_iter().flatten();
        for (path, number) in self.at.iter().zip(numbers) {
            if let Some(place) = place(model, path) {
                *place = toml::Value::Float(*number);
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "points and priors are small")]
fn number(value: &toml::Value) -> Option<f64> {
    value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64))
}

fn place<'a>(model: &'a mut toml::Table, path: &str) -> Option<&'a mut toml::Value> {
    let mut keys = path.split('.');
    let mut at = model.get_mut(keys.next()?)?;
    for key in keys {
        at = match at {
            toml::Value::Table(table) => table.get_mut(key)?,
            toml::Value::Array(items) => {
                let named = |item: &toml::Value| {
                    let is = |name| item.get(name).and_then(toml::Value::as_str) == Some(key);
                    is("id") || is("value")
                };
                let index = key.parse().ok().or_else(|| items.iter().position(named))?;
                items.get_mut(index)?
            }
            _ => return None,
        };
    }
    Some(at)
}

/// How the choice of the levers holds for organisations that it has not seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeaveOneOut {
    /// The digest of the model that the levers belong to.
    pub model: String,
    /// The digest of `levers.toml`.
    pub levers: String,
    /// The runs that the advice used.
    pub runs: Vec<String>,
    /// The digest of what it read of them, see [`measured_digest`].
    pub measured: String,
    /// How many organisations were left out, one at a time.
    pub organisations: usize,
    /// How many different models were scored.
    pub models: usize,
    /// How the model fares with all levers as they were in the first draft.
    pub draft: Counted,
    /// With the levers chosen by all cases: how well the procedure does on what it has seen.
    pub in_sample: Counted,
    /// Each case with the levers chosen without its organisation.
    pub left_out: Counted,
    /// The model as it is shipped.
    pub shipped: Counted,
    /// The shipped model with one lever at a time at another setting.
    pub one_at_a_time: Vec<OneAtATime>,
}

/// One lever moved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OneAtATime {
    /// The lever.
    pub lever: String,
    /// The setting, by its place; 0 is the first draft's.
    pub setting: usize,
    /// In how many of the searches without one organisation it was chosen.
    pub chosen: usize,
    /// Whether the shipped model has it.
    pub shipped: bool,
    /// How the model fares with it.
    pub counted: Counted,
}

/// What is counted of a summary.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counted {
    /// All cases.
    pub cases: usize,
    /// Those with a recommendation.
    pub decided: usize,
    /// Those where it named what was chosen.
    pub agree: usize,
    /// Those with a strong verdict.
    pub strong: usize,
    /// Those of them where it named what was chosen.
    pub strong_agree: usize,
    /// The mean Brier score, rounded to three places.
    pub brier: f64,
    /// The cases decided otherwise.
    pub otherwise: Vec<String>,
    /// The cases too close to call.
    pub abstained: Vec<String>,
}

impl Counted {
    fn of<'a>(results: impl IntoIterator<Item = &'a CaseResult> + Copy) -> Self {
        let summary = Summary::of(results);
        let ids = |wanted: Option<bool>| {
            let kept = results.into_iter().filter(|result| result.agreed() == wanted);
            kept.map(|result| result.id.clone()).collect()
        };
        Self {
            cases: summary.cases,
            decided: summary.decided,
            agree: summary.agree,
            strong: summary.strong.cases,
            strong_agree: summary.strong.agree,
            brier: (summary.brier.unwrap_or(0.0) * 1000.0).round() / 1000.0,
            otherwise: ids(Some(false)),
            abstained: ids(None),
        }
    }
}

/// The digest of everything that the advice reads of the runs in use.
#[must_use]
pub fn measured_digest(measurements: &Measurements) -> String {
    // What is measured beside them, or only told, enters no figure.
    let two = measurements.two_services.clone().map(|two| TwoServices { shipped: None, ..two });
    let two = two.map(|two| format!(", two_services: {two:?}")).unwrap_or_default();
    sha256(&format!("Measurements {{ workloads: {:?}{two} }}", measurements.workloads))
}

/// What was found for the built-in model, `models/leave-one-out.toml`; none when it belongs to
/// another model or to other levers than the built-in ones.
#[must_use]
pub fn committed_leave_one_out() -> Option<&'static LeaveOneOut> {
    static FOUND: OnceLock<Option<LeaveOneOut>> = OnceLock::new();
    let found = FOUND.get_or_init(|| toml::from_str(COMMITTED).ok());
    found
        .as_ref()
        .filter(|found| found.model == Model::builtin().digest() && found.levers == sha256(BUILTIN))
}

/// Leaves out one organisation after another, chooses the levers by the other core cases, and
/// scores the cases left out. From the first draft on, each lever in turn takes the setting with
/// the best sum of log scores, `ln(share of the option chosen + 0.02)`, if that is better by at
/// least 0.1; all levers twice.
///
/// # Errors
/// When the built-in model does not have one of the settings of a lever.
pub fn leave_one_out(measurements: &Measurements) -> Result<LeaveOneOut, String> {
    let table: toml::Table =
        toml::from_str(Model::builtin().text()).map_err(|error| error.to_string())?;
    let shipped: Result<Vec<usize>, String> = levers()
        .iter()
        .map(|lever| lever.setting(&table).ok_or(format!("{}: no such setting", lever.id)))
        .collect();
    let shipped = shipped?;
    let mut search = Search { table, measurements, known: BTreeMap::new() };
    let core = |p: &&crate::Precedent| p.usage == Usage::Core;
    let mut organisations: Vec<&str> =
        precedents().iter().filter(core).map(|p| p.organisation.as_str()).collect();
    organisations.sort_unstable();
    organisations.dedup();

    let draft = vec![0; levers().len()];
    let in_sample = search.chosen(None);
    let mut left_out: Vec<CaseResult> = Vec::new();
    let mut chosen: Vec<Vec<usize>> = Vec::new();
    for organisation in &organisations {
        let settings = search.chosen(Some(organisation));
        let of = |result: &&CaseResult| organisation_of(&result.id) == Some(organisation);
        left_out.extend(search.results(&settings).iter().filter(of).cloned());
        chosen.push(settings);
    }
    let mut one_at_a_time = Vec::new();
    for (at, lever) in levers().iter().enumerate() {
        for setting in 0..lever.settings.len() {
            let mut moved = shipped.clone();
            moved.iter_mut().skip(at).take(1).for_each(|slot| *slot = setting);
            one_at_a_time.push(OneAtATime {
                lever: lever.id.clone(),
                setting,
                chosen: chosen.iter().filter(|c| c.get(at) == Some(&setting)).count(),
                shipped: shipped.get(at) == Some(&setting),
                counted: search.counted(&moved),
            });
        }
    }
    let runs = measurements.runs().map(|(run, _)| run.to_owned());
    Ok(LeaveOneOut {
        model: Model::builtin().digest().to_owned(),
        levers: sha256(BUILTIN),
        runs: runs.collect(),
        measured: measured_digest(measurements),
        organisations: organisations.len(),
        draft: search.counted(&draft),
        in_sample: search.counted(&in_sample),
        left_out: Counted::of(&left_out),
        shipped: search.counted(&shipped),
        one_at_a_time,
        models: search.known.len(),
    })
}

fn organisation_of(id: &str) -> Option<&'static str> {
    precedents().iter().find(|p| p.id == id).map(|p| p.organisation.as_str())
}

struct Search<'a> {
    table: toml::Table,
    measurements: &'a Measurements,
    /// Results of the core cases by settings, since one search meets what another has met.
    known: BTreeMap<Vec<usize>, Vec<CaseResult>>,
}

impl Search<'_> {
    fn results(&mut self, settings: &[usize]) -> &[CaseResult] {
        let Self { table, measurements, known } = self;
        known.entry(settings.to_vec()).or_insert_with(|| {
            let mut table = table.clone();
            for (lever, setting) in levers().iter().zip(settings) {
                lever.set(&mut table, *setting);
            }
            let text = toml::to_string(&table).unwrap_or_default();
            let Ok(model) = Model::parse(&text) else { return Vec::new() };
            let engine = Engine::new(model, (*measurements).clone(), SEED);
            let core = precedent_cases().iter().filter(|case| case.usage == Usage::Core);
            results(&engine, &core.collect::<Vec<_>>(), false)
        })
    }

    fn counted(&mut self, settings: &[usize]) -> Counted {
        Counted::of(self.results(settings))
    }

    /// The sum of log scores over the cases of all organisations but one.
    fn worth(&mut self, settings: &[usize], without: Option<&str>) -> f64 {
        let results = self.results(settings).iter();
        let seen = results.filter(|r| without.is_none() || organisation_of(&r.id) != without);
        let share = |result: &CaseResult| *result.first_share.get(result.option);
        let worth: f64 = seen.map(|result| libm::log(share(result) + FLOOR)).sum();
        if worth == 0.0 { f64::NEG_INFINITY } else { worth }
    }

    fn chosen(&mut self, without: Option<&str>) -> Vec<usize> {
        let mut best: Vec<usize> = vec![0; levers().len()];
        let mut worth = self.worth(&best, without);
        for _ in 0..PASSES {
            for (at, lever) in levers().iter().enumerate() {
                for setting in 0..lever.settings.len() {
                    let mut moved = best.clone();
                    moved.iter_mut().skip(at).take(1).for_each(|slot| *slot = setting);
                    let found = self.worth(&moved, without);
                    if found > worth + STEP {
                        (best, worth) = (moved, found);
                    }
                }
            }
        }
        best
    }
}
