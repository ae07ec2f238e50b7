//! The numbers of the built-in model that were chosen with the documented decisions in view: why,
//! what else was tried, and what each does alone.

use assay_advice::{
    Counted, LeaveOneOut, Lever, Model, OneAtATime, committed_leave_one_out, levers, precedent,
};

use super::tables::decimals;

/// All of them, and what leaving one organisation out at a time changed.
pub(super) struct LeversView {
    pub(super) levers: Vec<LeverView>,
    pub(super) left_out: Option<LeftOut>,
}

/// One number, or several that move together.
pub(super) struct LeverView {
    pub(super) id: &'static str,
    pub(super) reason: &'static str,
    /// The settings tried: the head of each column.
    pub(super) settings: Vec<String>,
    /// Each place in the model with its number under each setting.
    pub(super) places: Vec<(&'static str, Vec<String>)>,
    /// How the model fares with each setting and all else as it is; empty for lack of a search.
    pub(super) figures: Vec<(&'static str, Vec<String>)>,
}

/// What became of the cases when the numbers were chosen without their organisation.
pub(super) struct LeftOut {
    pub(super) organisations: usize,
    /// Cases on which that makes a difference, and which.
    pub(super) changed: Vec<Changed>,
    /// How many settings were not what most searches chose.
    pub(super) unsteady: Vec<(&'static str, usize)>,
}

/// A case that goes otherwise.
pub(super) struct Changed {
    pub(super) id: &'static str,
    pub(super) title: String,
    pub(super) shipped: &'static str,
    pub(super) left_out: &'static str,
}

impl LeversView {
    /// None for a model of one's own, whose numbers were chosen elsewhere.
    pub(super) fn new(model: &Model) -> Option<Self> {
        if model.digest() != Model::builtin().digest() {
            return None;
        }
        let table: toml::Table = toml::from_str(model.text()).ok()?;
        let found = committed_leave_one_out();
        Some(Self {
            levers: levers().iter().map(|it| lever(it, it.setting(&table), found)).collect(),
            left_out: found.map(left_out),
        })
    }
}

fn lever(
    lever: &'static Lever,
    in_use: Option<usize>,
    found: Option<&'static LeaveOneOut>,
) -> LeverView {
    let head = |at: usize| match (at, in_use == Some(at)) {
        (0, true) => "First draft, in use".to_owned(),
        (0, false) => "First draft".to_owned(),
        (_, true) => "In use".to_owned(),
        (at, false) => format!("Tried {at}"),
    };
    let number = |place: usize, setting: &Vec<f64>| {
        setting.get(place).map_or_else(String::new, |number| decimals(*number))
    };
    let places = lever.at.iter().enumerate().map(|(place, at)| {
        let numbers = lever.settings.iter().map(|setting| number(place, setting));
        (at.as_str(), numbers.collect())
    });
    LeverView {
        id: &lever.id,
        reason: &lever.reason,
        settings: (0..lever.settings.len()).map(head).collect(),
        places: places.collect(),
        figures: found.map(|found| figures(lever, found)).unwrap_or_default(),
    }
}

/// One row for each figure, one column for each setting.
fn figures(lever: &Lever, found: &'static LeaveOneOut) -> Vec<(&'static str, Vec<String>)> {
    let tried: Vec<&OneAtATime> =
        found.one_at_a_time.iter().filter(|one| one.lever == lever.id).collect();
    if tried.len() != lever.settings.len() {
        return Vec::new();
    }
    let row = |name, figure: &dyn Fn(&OneAtATime) -> String| {
        (name, tried.iter().map(|one| figure(one)).collect::<Vec<_>>())
    };
    vec![
        row("Agreed, of the decided", &|one| {
            format!("{} of {}", one.counted.agree, one.counted.decided)
        }),
        row("Abstained", &|one| one.counted.abstained.len().to_string()),
        row("Strong that agreed", &|one| {
            format!("{} of {}", one.counted.strong_agree, one.counted.strong)
        }),
        row("Brier score", &|one| format!("{:.3}", one.counted.brier)),
        row("How often the search chose it", &|one| {
            format!("{} of {}", one.chosen, found.organisations)
        }),
    ]
}

fn left_out(found: &'static LeaveOneOut) -> LeftOut {
    let outcome = |counted: &Counted, id: &str| {
        let within = |ids: &[String]| ids.iter().any(|it| it == id);
        if within(&counted.otherwise) {
            "another option is advised"
        } else if within(&counted.abstained) {
            "too close to call"
        } else {
            "what was chosen is advised"
        }
    };
    let ids = |counted: &'static Counted| counted.otherwise.iter().chain(&counted.abstained);
    let mut named: Vec<&'static String> = ids(&found.shipped).chain(ids(&found.left_out)).collect();
    named.sort();
    named.dedup();
    let changed = named.into_iter().filter_map(|id| {
        let (shipped, left_out) = (outcome(&found.shipped, id), outcome(&found.left_out, id));
        let case = precedent(id)?;
        let title = format!("{}: {}", case.organisation, case.component);
        (shipped != left_out).then_some(Changed { id, title, shipped, left_out })
    });
    let unsteady = found.one_at_a_time.iter().filter_map(|one| {
        let otherwise = found.organisations.saturating_sub(one.chosen);
        (one.shipped && otherwise > 0).then_some((one.lever.as_str(), otherwise))
    });
    LeftOut {
        organisations: found.organisations,
        changed: changed.collect(),
        unsteady: unsteady.collect(),
    }
}
