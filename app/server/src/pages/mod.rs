//! The pages, one file each: the handler and its view.

pub(crate) mod checklist;
pub(crate) mod cost;
pub(crate) mod decision;
pub(crate) mod decisions;
pub(crate) mod diff;
pub(crate) mod edit;
pub(crate) mod evidence;
mod form;
pub(crate) mod history;
pub(crate) mod hybrid;
pub(crate) mod import;
mod markdown;
pub(crate) mod method;
pub(crate) mod model;
pub(crate) mod overview;
mod own_nearest;
mod plot;
pub(crate) mod portfolio;
pub(crate) mod precedents;
pub(crate) mod record;
pub(crate) mod review;
mod sheet;
mod signoffs;
mod stream;
pub(crate) mod supersede;
mod then_now;
pub(crate) mod words;

use askama::Template;
use axum::response::{Html, IntoResponse, Response};

use crate::error::Error;

/// The version shown at the foot of every page.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A view as an HTML response.
pub(crate) struct Page<T>(pub(crate) T);

impl<T: Template> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        match self.0.render() {
            Ok(html) => Html(html).into_response(),
            Err(error) => Error::from(error).into_response(),
        }
    }
}
