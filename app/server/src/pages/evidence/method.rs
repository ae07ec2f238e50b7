//! `/evidence/method`: how we measure, from `benches/METHOD.md`.

use askama::Template;
use axum::response::{IntoResponse, Response};

use crate::pages::{Page, markdown};

/// The text people also read in the source tree.
const METHOD: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../benches/METHOD.md"));

#[derive(Template)]
#[template(path = "evidence/method.html")]
struct View {
    /// Safe HTML.
    text: String,
    sections: Vec<markdown::Section>,
}

/// `GET /evidence/method`.
pub(crate) async fn get() -> Response {
    let (text, sections) = markdown::render_page(METHOD);
    Page(View { text, sections }).into_response()
}
