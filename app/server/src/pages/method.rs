//! `/method`: how the advice is computed.

use askama::Template;
use assay_advice::{CriterionKind, DRAWS, Model};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};

use crate::{pages::Page, state::App};

#[derive(Template)]
#[template(path = "method.html")]
struct View<'a> {
    model: &'a Model,
    draws: String,
    rows: Vec<Row<'a>>,
}

struct Row<'a> {
    name: &'a str,
    group: &'a str,
    swing: String,
    source: &'static str,
}

/// `GET /method`.
pub(crate) async fn get(State(app): State<App>) -> Response {
    let model = app.model();
    let group = |id: &str| {
        let group = model.groups().iter().find(|group| group.id == id);
        group.map_or("", |group| group.name.as_str())
    };
    let rows = model.criteria().iter().map(|criterion| Row {
        name: &criterion.name,
        group: group(&criterion.group),
        swing: format!("{:.0}", criterion.greatest_swing()),
        source: match criterion.kind {
            CriterionKind::Judged => "judged",
            CriterionKind::Headroom | CriterionKind::Tail | CriterionKind::Economy => "measured",
            CriterionKind::Build => "judged, beside measured build times",
        },
    });
    let rows = rows.collect();
    Page(View { model, draws: assay_advice::grouped(DRAWS.into()), rows }).into_response()
}
