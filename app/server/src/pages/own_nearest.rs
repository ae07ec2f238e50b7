//! The team's own accepted records nearest to some answers, beside the documented decisions.

use assay_advice::{Answers, Case, Choice, nearest};
use uuid::Uuid;

use crate::{
    own::{self, Own, RECORDS_MAX},
    pages::sheet::capitalised,
    state::App,
};

/// The most differences named for each; the record's page has all its answers.
const DIFFERENCES_MAX: usize = 2;
/// Fewer answers cannot be compared, so the records need not be read.
const ANSWERS_MIN: usize = 5;

/// Records of the team's own, the nearest first.
pub(crate) struct OwnNearestView {
    pub(crate) near: Vec<OwnNearView>,
    /// What is not looked at, or not yet; empty as a rule.
    pub(crate) missing: String,
}

/// One of them.
pub(crate) struct OwnNearView {
    pub(crate) href: String,
    pub(crate) number: u32,
    pub(crate) title: String,
    pub(crate) option: Choice,
    /// The day of the decision; may be empty.
    pub(crate) decided: String,
    /// In percent.
    pub(crate) alike: String,
    /// What differs, and the answers there and here.
    pub(crate) differs: Vec<(String, String, String)>,
    /// How many differences are not named.
    pub(crate) more: usize,
    pub(crate) otherwise: bool,
}

/// The records to look among. The advice stands without them, so a folder that cannot be read only
/// leaves them out.
pub(crate) async fn records(app: &App, answers: &Answers) -> Own {
    if answers.answered() < ANSWERS_MIN {
        return Own::default();
    }
    match app.own.at_hand(app.store.as_ref()).await {
        Ok(own) => {
            if own.unread > 0 {
                own::read_ahead(app);
            }
            own
        }
        Err(error) => {
            tracing::warn!(%error, "own records are left out beside the precedents");
            Own::default()
        }
    }
}

/// Which records the nearest are not found among.
fn missing(own: &Own) -> String {
    let unread = match own.unread {
        0 => String::new(),
        1 => "One of your records is still being read.".to_owned(),
        many => format!("{many} of your records are still being read."),
    };
    match own.beyond {
        0 => unread,
        older => {
            let max = assay_advice::grouped(RECORDS_MAX as u64);
            format!("{unread} The newest {max} records are looked at, {older} older ones are not.")
        }
    }
}

impl OwnNearestView {
    /// The nearest of the records that were accepted and still stand, without the one shown.
    pub(crate) fn among(
        app: &App,
        own: &Own,
        answers: &Answers,
        recommended: Option<Choice>,
        shown: Option<Uuid>,
    ) -> Self {
        let records = &own.records;
        let others = records.iter().filter(|record| Some(record.line.id) != shown);
        let cases: Vec<Case> = others.filter_map(|record| record.precedent()).collect();
        let found = nearest(app.model(), answers, recommended, &cases);
        let near = found.near.iter().filter_map(|near| {
            let record = records.iter().find(|it| it.line.id.to_string() == near.case.id)?;
            let apart = near.differs.iter().take(DIFFERENCES_MAX).map(|difference| {
                let question = app.model().question(&difference.question);
                let about = question.map(|it| capitalised(&it.short)).unwrap_or_default();
                (about, difference.theirs.clone(), difference.yours.clone())
            });
            Some(OwnNearView {
                href: format!("/decisions/{}", record.line.id),
                number: record.line.number,
                title: record.line.title.clone(),
                option: near.case.option,
                decided: record.line.decided.map(|day| day.to_string()).unwrap_or_default(),
                alike: format!("{:.0}", near.similarity * 100.0),
                differs: apart.collect(),
                more: near.differs.len().saturating_sub(DIFFERENCES_MAX),
                otherwise: near.otherwise,
            })
        });
        Self { near: near.collect(), missing: missing(own) }
    }
}
