//! The precedents nearest to some answers, for the checklist's panel and for a record. They show
//! how others decided; the score is the same without them.

use assay_advice::{
    Answers, Case, Choice, Difference, Model, Near, NearestPrecedents, nearest_precedents,
    precedents,
};

use super::Mark;
use crate::{pages::sheet::capitalised, precedents::when};

/// The most differences named for each; the case's page has all its answers.
const DIFFERENCES_MAX: usize = 2;

/// How others decided.
pub(crate) struct NearestView {
    /// In a few words.
    pub(crate) short: String,
    /// The documented decision that these very answers are.
    pub(crate) same: Option<&'static Case>,
    pub(crate) near: Vec<NearView>,
    /// What "otherwise" is held against, when nobody comparable chose otherwise.
    pub(crate) unanimous: Option<Choice>,
}

/// One of them.
pub(crate) struct NearView {
    pub(crate) case: &'static Case,
    /// When it was decided; may be empty.
    pub(crate) year: String,
    /// In percent.
    pub(crate) alike: String,
    pub(crate) differs: Vec<Apart>,
    /// How many differences are not named.
    pub(crate) more: usize,
    pub(crate) otherwise: bool,
    /// Whether its stated reason holds today, and whether it is counted apart.
    pub(crate) marks: Vec<Mark>,
}

/// An answer that is not the same.
pub(crate) struct Apart {
    pub(crate) about: String,
    pub(crate) theirs: String,
    pub(crate) yours: String,
}

impl NearestView {
    /// The three nearest, and the nearest that chose otherwise than recommended.
    pub(crate) fn new(model: &Model, answers: &Answers, recommended: Option<Choice>) -> Self {
        let NearestPrecedents { same, nearest: found } =
            nearest_precedents(model, answers, recommended);
        let chose_otherwise = found.near.iter().any(|near| near.otherwise);
        Self {
            short: short(&found.near),
            same,
            unanimous: found.than.filter(|_| !chose_otherwise),
            near: found.near.iter().map(|near| NearView::new(model, near)).collect(),
        }
    }
}

impl NearView {
    fn new(model: &Model, near: &Near<'static>) -> Self {
        let precedent = precedents().iter().find(|precedent| precedent.id == near.case.id);
        let apart = |difference: &Difference| {
            let question = model.question(&difference.question);
            Apart {
                about: question.map(|it| capitalised(&it.short)).unwrap_or_default(),
                theirs: difference.theirs.clone(),
                yours: difference.yours.clone(),
            }
        };
        Self {
            case: near.case,
            year: precedent.map(when).unwrap_or_default(),
            alike: format!("{:.0}", near.similarity * 100.0),
            differs: near.differs.iter().take(DIFFERENCES_MAX).map(apart).collect(),
            more: near.differs.len().saturating_sub(DIFFERENCES_MAX),
            otherwise: near.otherwise,
            marks: precedent.map(super::marks).unwrap_or_default(),
        }
    }
}

/// What the three nearest chose: "2 Rust, 1 Go".
fn short(near: &[Near<'_>]) -> String {
    let nearest = || near.iter().take(3);
    let count = |option| nearest().filter(|near| near.case.option == option).count();
    let counts = Choice::ALL.into_iter().map(|option| (count(option), option));
    let said = counts.filter(|(count, _)| *count > 0).map(|(count, it)| format!("{count} {it}"));
    match said.collect::<Vec<_>>().join(", ") {
        none if none.is_empty() => "too few answers to compare".to_owned(),
        said => format!("nearest: {said}"),
    }
}
