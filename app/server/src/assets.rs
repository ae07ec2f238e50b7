//! The files of `static/`, embedded in the program and served with a long cache.

use std::{fmt::Write as _, sync::LazyLock};

use axum::{
    extract::Path,
    http::header,
    response::{IntoResponse, Response},
};
use rust_embed::Embed;
use sha2::{Digest, Sha256};

use crate::error::Error;

#[derive(Embed)]
#[folder = "../../static"]
struct Files;

/// One digest of all files: it names the folder in their URLs, so that relative imports between
/// scripts and styles stay within one version, and a changed file is never read from a cache.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut names: Vec<_> = Files::iter().collect();
    names.sort();
    let mut hasher = Sha256::new();
    for name in names {
        hasher.update(name.as_bytes());
        if let Some(file) = Files::get(&name) {
            hasher.update(file.metadata.sha256_hash());
        }
    }
    hasher.finalize().iter().take(6).fold(String::new(), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
});

/// A development build reads the files from disk, where they change under the same version.
const CACHE: &str =
    if cfg!(debug_assertions) { "no-cache" } else { "public, max-age=31536000, immutable" };

/// The URL of a file of `static/`, for example `url("app.css")`.
#[must_use]
pub fn url(name: &str) -> String {
    format!("/static/{}/{name}", *VERSION)
}

/// `GET /static/{version}/{*name}`: any version is answered, as an open page of an older program
/// may still ask for its own.
pub(crate) async fn serve(Path((_version, name)): Path<(String, String)>) -> Response {
    match Files::get(&name) {
        Some(file) => (
            [(header::CONTENT_TYPE, content_type(&name)), (header::CACHE_CONTROL, CACHE)],
            file.data.into_owned(),
        )
            .into_response(),
        None => Error::NotFound.into_response(),
    }
}

/// The media type by the file's ending; `static/` holds no other kinds.
fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("json" | "webmanifest") => "application/json",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
