//! Runs that records rely on and that no longer count.

use std::sync::Arc;

use assay_store::StoreError;

use super::{Runs, fit, fit::standing};
use crate::state::App;

/// What stands for all of them in a filter.
pub(crate) const WORD: &str = "void";

/// The names of the runs that any record relies on and that no longer count.
pub(crate) async fn runs(app: &App) -> Result<Vec<Arc<str>>, StoreError> {
    let known = app.runs();
    let mut names = app.store.runs().await?;
    names.retain(|name| why(&known, name).is_some());
    Ok(names)
}

/// Why a run does not count, in words; nothing when it does.
pub(crate) fn why(known: &Runs, name: &str) -> Option<String> {
    let Some(run) = known.get(name) else {
        return Some("it is not known here: withdrawn, renamed or measured elsewhere".to_owned());
    };
    let summary = &run.summary;
    if standing(&summary.scenario).is_some() {
        return fit(run).err();
    }
    let (done, planned) = (summary.blocks, summary.blocks_planned);
    (!summary.complete())
        .then(|| format!("it is not complete: {done} of {planned} blocks were finished"))
}
