//! Which run the advice uses for each scenario: by default the newest complete run made to be
//! published, else the newest complete quick one; or the run that was picked. What was picked is
//! kept in a small file that may be edited or deleted by hand.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
};

use assay_advice::Measurements;
use assay_evidence::Profile;
use serde::{Deserialize, Serialize};

use super::{Fitted, Runs, SCENARIOS, fit, runs::read_limited};

/// The largest file that is read.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// What stands above the choices in the file.
const HEADER: &str = "# Which measurement run assay's advice uses for a scenario, as picked on \
                      its evidence pages.\n# A scenario without a line uses the newest complete \
                      full run; the file may be deleted.\n";

/// The run picked for a scenario, by scenario.
pub(super) type Picked = BTreeMap<String, String>;

/// The file.
#[derive(Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Choices {
    #[serde(rename = "use", default)]
    picked: Picked,
}

/// Which run is used for each scenario.
#[derive(Clone, Debug, Default)]
pub struct InUse {
    picked: Picked,
    used: Vec<Used>,
    /// What keeps a choice from being followed, in words.
    pub warnings: Vec<String>,
}

/// A run in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Used {
    /// The scenario.
    pub scenario: &'static str,
    /// The run's name.
    pub run: String,
    /// Whether somebody picked it; else it is the default.
    pub picked: bool,
}

impl InUse {
    /// The run used for a scenario.
    #[must_use]
    pub fn of(&self, scenario: &str) -> Option<&Used> {
        self.used.iter().find(|used| used.scenario == scenario)
    }

    /// Finds the run for each scenario, and what they measured. A choice that cannot be followed gives
    /// way to the default and is told.
    pub(super) fn settle(
        runs: &Runs,
        picked: Picked,
        mut warnings: Vec<String>,
    ) -> (Self, Measurements) {
        for scenario in picked.keys().filter(|id| SCENARIOS.iter().all(|s| s.scenario != **id)) {
            warnings
                .push(format!("A run is picked for {scenario}, which the advice does not read."));
        }
        let (mut used, mut measured) = (Vec::new(), Measurements::default());
        for scenario in SCENARIOS.map(|standing| standing.scenario) {
            let wanted = picked.get(scenario);
            let chosen = wanted.and_then(|name| match chosen(runs, scenario, name) {
                Ok(fitted) => Some(fitted),
                Err(why) => {
                    warnings.push(format!(
                        "The run {name}, picked for {scenario}, is not used: {why}. The default \
                         takes its place."
                    ));
                    None
                }
            });
            let picked = chosen.is_some();
            if let Some(fitted) = chosen.or_else(|| default_run(runs, scenario)) {
                used.push(Used { scenario, run: fitted.run().to_owned(), picked });
                fitted.add_to(&mut measured);
            }
        }
        (Self { picked, used, warnings }, measured)
    }

    /// The choices with another one for a scenario, or none.
    pub(super) fn with(&self, scenario: &str, run: Option<&str>) -> Picked {
        let mut picked = self.picked.clone();
        match run {
            Some(run) => picked.insert(scenario.to_owned(), run.to_owned()),
            None => picked.remove(scenario),
        };
        picked
    }
}

fn chosen(runs: &Runs, scenario: &str, name: &str) -> Result<Fitted, String> {
    let run = runs.get(name).ok_or("there is no such run any more")?;
    if run.summary.scenario != scenario {
        return Err(format!("it measured {}", run.summary.scenario));
    }
    fit(run)
}

/// The newest run that fits, one made to be published before a quick one.
pub(super) fn default_run(runs: &Runs, scenario: &str) -> Option<Fitted> {
    let of = |profile: Profile| {
        let mut fitting = runs
            .runs
            .iter()
            .filter(move |run| run.summary.scenario == scenario && run.summary.profile == profile);
        fitting.find_map(|run| fit(run).ok())
    };
    of(Profile::Publish).or_else(|| of(Profile::Quick))
}

/// The choices in a file, and what is wrong with it. A missing file has none.
pub(super) fn read(file: &Path) -> (Picked, Vec<String>) {
    let fault = |why: String| {
        let warning = format!(
            "{} cannot be read, so the advice uses the default runs: {why}. Mend or delete it; \
             picking a run replaces it.",
            file.display()
        );
        (Picked::new(), vec![warning])
    };
    match read_limited(file, FILE_BYTES_MAX) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => (Picked::new(), Vec::new()),
        Err(error) => fault(error.to_string()),
        Ok(text) => match toml::from_str::<Choices>(&text) {
            Ok(choices) => (choices.picked, Vec::new()),
            Err(error) => {
                let start = error.span().map_or(0, |span| span.start);
                let (line, column) = assay_advice::line_column(&text, start);
                fault(format!("line {line}, column {column}: {}", error.message()))
            }
        },
    }
}

/// Replaces the file as a whole, durably.
pub(super) fn write(file: &Path, picked: &Picked) -> io::Result<()> {
    let choices = Choices { picked: picked.clone() };
    let text = toml::to_string(&choices).map_err(io::Error::other)?;
    let fresh = file.with_extension("toml.new");
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut writing = File::create(&fresh)?;
    writing.write_all(HEADER.as_bytes())?;
    writing.write_all(text.as_bytes())?;
    writing.sync_all()?;
    fs::rename(&fresh, file)
}
