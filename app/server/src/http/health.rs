//! Whether the program lives and can work.

use axum::extract::State;

use crate::{error::Error, state::App};

/// `GET /healthz`: the process answers.
pub(crate) async fn live() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: the records can be read and written.
pub(crate) async fn ready(State(app): State<App>) -> Result<&'static str, Error> {
    app.store.ready().await?;
    Ok("ready\n")
}
