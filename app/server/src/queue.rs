//! What waits to be looked at again: triggers that fired, days that have come or are near, and
//! advice that would be another one today.

use std::sync::Arc;

use assay_store::{Filter, StoreError, Summary};
use jiff::{ToSpan as _, civil::Date};

use crate::{rescoring::Compared, state::App};

/// A day within so many days is near.
pub const SOON_DAYS: i32 = 30;

/// The review queue of a day.
pub struct Queue {
    /// The day.
    pub today: Date,
    /// Records whose trigger fired or whose day has come, the most urgent first.
    pub due: Vec<Arc<Summary>>,
    /// How many there are of those.
    pub due_total: u64,
    /// Records whose day is near, the nearest first.
    pub soon: Vec<Arc<Summary>>,
    /// How many there are of those.
    pub soon_total: u64,
    /// Records whose recommendation would be another one today, as far as they are compared.
    pub compared: Compared,
}

impl Queue {
    /// The queue today, with at most so many records in each part.
    ///
    /// # Errors
    /// What the store says.
    pub async fn today(app: &App, at_most: u32) -> Result<Self, StoreError> {
        let today = app.today();
        let page = |due| Filter { due: Some(due), per_page: at_most, ..Filter::default() };
        let due = app.store.list(&page(today)).await?;
        let near = today.checked_add(SOON_DAYS.days()).unwrap_or(today);
        // The due ones come first in the order of urgency, so that the near ones follow them.
        let both = Filter { per_page: Filter::MAX_PER_PAGE, ..page(near) };
        let both = app.store.list(&both).await?;
        let soon = both.items.into_iter().filter(|line| !line.is_due(today));
        Ok(Self {
            today,
            soon: soon.take(at_most as usize).collect(),
            soon_total: both.total.saturating_sub(due.total),
            due: due.items,
            due_total: due.total,
            compared: app.rescoring.look(app, at_most as usize),
        })
    }
}
