//! The changing part of a page, sent whenever it changes.

use std::{convert::Infallible, time::Duration};

use axum::{
    http::header,
    response::{
        IntoResponse as _, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::stream;
use tokio::sync::watch::Receiver;

/// How long a browser waits before it asks again when the stream broke.
const RETRY: Duration = Duration::from_secs(2);

/// How often an idle stream shows that it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Sends what `render` makes of each state, its number and HTML, now and whenever it changes, until
/// the page goes away, assay is ending, or nothing can be made of it.
pub(crate) fn changes<S, F>(states: Receiver<S>, ending: Receiver<bool>, render: F) -> Response
where
    S: Clone + Send + Sync + 'static,
    F: Fn(&S) -> Option<(u64, String)> + Send + 'static,
{
    let watching = (render, states, ending, true);
    let events = stream::unfold(watching, |(render, mut states, mut ending, first)| async move {
        if !first {
            tokio::select! {
                biased;
                _ = ending.wait_for(|ending| *ending) => return None,
                changed = states.changed() => changed.ok()?,
            }
        } else if *ending.borrow() {
            return None;
        }
        let state = states.borrow_and_update().clone();
        let (number, html) = render(&state)?;
        let event = Event::default().id(number.to_string()).retry(RETRY).data(html);
        Some((Ok::<_, Infallible>(event), (render, states, ending, false)))
    });
    let events = Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    ([(header::CACHE_CONTROL, "private, no-store")], events).into_response()
}
