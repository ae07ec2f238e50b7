//! The check of the Host header, against DNS rebinding: a site whose name suddenly resolves to
//! this machine could otherwise read and write records through the visitor's browser.

use axum::{
    extract::Request,
    http::{Uri, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::error::Error;

/// The names under which the local program may be asked; any port, so that a tunnel works.
const LOCAL_HOSTS: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Middleware: refuses requests for other hosts.
pub(super) async fn host(request: Request, next: Next) -> Response {
    let named = request
        .headers()
        .get(header::HOST)
        .and_then(|value| Authority::try_from(value.as_bytes()).ok());
    let in_target = Uri::authority(request.uri());
    if named.iter().chain(in_target).all(is_local) && (named.is_some() || in_target.is_some()) {
        return next.run(request).await;
    }
    Error::Refused("assay answers only as localhost, 127.0.0.1 or [::1]").into_response()
}

fn is_local(authority: &Authority) -> bool {
    !authority.as_str().contains('@')
        && LOCAL_HOSTS.iter().any(|local| local.eq_ignore_ascii_case(authority.host()))
}
