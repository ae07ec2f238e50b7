//! The one table of URLs.

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{get, post},
};

use crate::{
    access, api, assets,
    error::Error,
    feeds, hooks,
    http::health,
    pages::{self, evidence, precedents},
    state::App,
};

/// Every address the program answers.
pub fn table(state: App) -> Router {
    Router::new()
        // Pages: one file in `pages` each.
        .route("/", get(pages::overview::get))
        .route("/checklist", get(pages::checklist::get))
        .route("/checklist/record", get(pages::record::get).post(pages::record::post))
        .route("/decisions", get(pages::decisions::list))
        .route("/decisions.csv", get(pages::decisions::csv))
        .route("/decisions/{id}", get(pages::decision::get).post(pages::decision::set_status))
        .route("/decisions/{id}/edit", get(pages::edit::get).post(pages::edit::post))
        .route(
            "/import",
            get(pages::import::get)
                .post(pages::import::post)
                .layer(DefaultBodyLimit::max(pages::import::IMPORT_BYTES_MAX)),
        )
        .route("/decisions/{id}/history", get(pages::history::get))
        .route("/decisions/{id}/diff", get(pages::diff::get))
        .route("/decisions/{id}/review", get(pages::review::get).post(pages::review::post))
        .route("/decisions/{id}/supersede", get(pages::supersede::get))
        .route("/portfolio", get(pages::portfolio::get))
        .route("/evidence", get(evidence::overview::get))
        .route("/evidence/claims", get(evidence::claims::get))
        .route("/evidence/compare", get(evidence::compare::get))
        .route("/evidence/live", get(evidence::live::get).post(evidence::live::post))
        .route("/evidence/live/events", get(evidence::live::events))
        .route("/evidence/method", get(evidence::method::get))
        .route("/evidence/use", post(evidence::use_run::post))
        .route("/evidence/runs/{run}", get(evidence::run::get))
        .route("/evidence/runs/{run}/{file}", get(evidence::raw::get))
        .route("/evidence/{service}", get(evidence::service::get).post(evidence::service::post))
        .route("/demo/hybrid", get(pages::hybrid::get))
        .route("/demo/hybrid/events", get(pages::hybrid::events))
        .route("/precedents", get(precedents::list::get))
        .route("/precedents/backtest", get(precedents::backtest::get))
        .route("/precedents/{id}", get(precedents::case::get))
        .route("/method", get(pages::method::get))
        .route("/model", get(pages::model::get).post(pages::model::post))
        .route("/model.toml", get(pages::model::text))
        .route("/feeds/reviews.ics", get(feeds::calendar))
        .route("/feeds/reviews.atom", get(feeds::atom))
        // Shared mode alone.
        .route("/sign-in", get(access::pages::begin))
        .route("/sign-in/done", get(access::pages::done))
        .route("/sign-out", post(access::pages::sign_out))
        .route("/account", get(access::pages::account).post(access::pages::change))
        .route("/people", get(access::pages::people).post(access::pages::expel))
        .route("/trail", get(access::pages::trail))
        // The JSON API: one file in `api` each.
        .route("/api/v1/score", post(api::score::post))
        .route("/api/v1/cost", post(api::cost::post))
        .route("/api/v1/model/trial", post(api::model::trial))
        .route("/api/v1/decisions", get(api::decisions::list).post(api::decisions::create))
        .route("/api/v1/decisions/{id}", get(api::decision::get).put(api::decision::put))
        .route("/api/v1/decisions/{id}/history", get(api::decision::history))
        .route("/api/v1/decisions/{id}/status", post(api::decision::set_status))
        .route("/api/v1/decisions/{id}/reviews", post(api::decision::review))
        .route("/api/v1/decisions/{id}/revisits", post(api::decision::revisit))
        .route("/api/v1/decisions/{id}/supersede", post(api::decisions::supersede))
        .route("/api/v1/decisions/{id}/triggers/{trigger}", post(api::decision::fire))
        .route("/api/v1/review-queue", get(api::queue::get))
        .route("/api/v1/evidence/claims", get(api::claims::list))
        .route("/api/v1/evidence/runs", get(api::evidence::runs))
        .route("/api/v1/evidence/runs/{run}", get(api::evidence::run))
        .route("/api/v1/precedents", get(api::precedents::list))
        .route("/api/v1/precedents/backtest", get(api::precedents::backtest))
        .route("/api/v1/precedents/{id}", get(api::precedents::get))
        .route("/api/v1/openapi.json", get(api::openapi::document))
        // For machines.
        .route("/static/{version}/{*name}", get(assets::serve))
        .route("/hooks/alertmanager", post(hooks::alertmanager))
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .fallback(async || Error::NotFound)
        .with_state(state)
}
