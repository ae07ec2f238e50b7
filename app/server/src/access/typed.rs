//! A form that somebody sends after their session ended. What they typed comes back to them in a page
//! that can send it again; it is neither kept here nor put into an address.

use askama::Template;
use axum::{
    body::to_bytes,
    extract::Request,
    http::{Method, StatusCode, header},
    response::{Html, IntoResponse as _, Response},
};
use tokio::sync::Semaphore;
use url::form_urlencoded;

use crate::{error::Error, http::BODY_BYTES_MAX};

/// Forms held in memory at once: anybody may send one.
static HELD: Semaphore = Semaphore::const_new(8);

#[derive(Template)]
#[template(path = "signed_out_form.html")]
struct Typed {
    /// The path and query that the form was sent to.
    action: String,
    /// Names and values, in the order of the form.
    fields: Vec<(String, String)>,
}

/// Whether somebody at a browser sends a form of ours.
pub(super) fn is_form(request: &Request) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE);
    let is_typed = |kind: &[u8]| kind.starts_with(b"application/x-www-form-urlencoded");
    *request.method() == Method::POST && kind.is_some_and(|kind| is_typed(kind.as_bytes()))
}

/// Gives back what was typed.
pub(super) async fn give_back(action: String, request: Request) -> Response {
    let Ok(_held) = HELD.try_acquire() else {
        return Error::SignedOut.into_response();
    };
    let Ok(body) = to_bytes(request.into_body(), BODY_BYTES_MAX).await else {
        return Error::TooLarge.into_response();
    };
    let fields = form_urlencoded::parse(&body).into_owned().collect();
    match (Typed { action, fields }).render() {
        Ok(page) => (StatusCode::UNAUTHORIZED, Html(page)).into_response(),
        Err(error) => Error::from(error).into_response(),
    }
}
