//! The check of the Host header, against DNS rebinding: a site whose name suddenly resolves to
//! this machine could otherwise read and write records through the visitor's browser.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{Uri, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};

use url::Url;

use crate::error::Error;

/// The names under which the local program may be asked; any port, so that a tunnel works.
const LOCAL_HOSTS: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// What watches a shared assay asks each copy by its own address; the figures only with a token.
pub(crate) const WATCHED: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// Middleware: refuses requests for other hosts.
pub(super) async fn host(
    State(public): State<Option<Arc<Url>>>,
    request: Request,
    next: Next,
) -> Response {
    let public = public.as_deref();
    if public.is_some() && WATCHED.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    let ours = |asked: &Authority| is_local(asked) || public.is_some_and(|it| is_public(asked, it));
    let named = request
        .headers()
        .get(header::HOST)
        .and_then(|value| Authority::try_from(value.as_bytes()).ok());
    let in_target = Uri::authority(request.uri());
    if named.iter().chain(in_target).all(ours) && (named.is_some() || in_target.is_some()) {
        return next.run(request).await;
    }
    Error::Refused(match public {
        None => "assay answers only as localhost, 127.0.0.1 or [::1]",
        Some(_) => "assay answers only under the address that it was given as its public one",
    })
    .into_response()
}

/// Whether a host is that of the public address; a port that is the scheme's own may be left out.
fn is_public(authority: &Authority, public: &Url) -> bool {
    let port = authority.port_u16().or_else(|| public.port_or_known_default());
    !authority.as_str().contains('@')
        && public.host_str().is_some_and(|host| host.eq_ignore_ascii_case(authority.host()))
        && port == public.port_or_known_default()
}

fn is_local(authority: &Authority) -> bool {
    !authority.as_str().contains('@')
        && LOCAL_HOSTS.iter().any(|local| local.eq_ignore_ascii_case(authority.host()))
}
