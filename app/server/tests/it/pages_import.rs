//! `/import`: what would happen is shown before anything is written.

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};

use crate::{
    pages_checklist::assert_page,
    support::{Answer, TestApp},
};

const BOUNDARY: &str = "----a-boundary";

/// A part of a form: its name, its file name if it is a file, and its bytes.
type Part<'a> = (&'a str, Option<&'a str>, &'a [u8]);

async fn send(app: &TestApp, parts: &[Part<'_>]) -> Answer {
    let mut body = Vec::new();
    for (name, file, bytes) in parts {
        let file = file.map(|file| format!("; filename=\"{file}\"")).unwrap_or_default();
        body.extend(
            format!(
                "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n"
            )
            .bytes(),
        );
        body.extend(*bytes);
        body.extend(b"\r\n");
    }
    body.extend(format!("--{BOUNDARY}--\r\n").bytes());
    let request = Request::post("/import")
        .header(header::CONTENT_TYPE, format!("multipart/form-data; boundary={BOUNDARY}"))
        .header("sec-fetch-site", "same-origin")
        .body(Body::from(body));
    app.send(request.expect("a request")).await
}

const GOOD: &str = "# Keep <b>one</b> queue\r\n\r\n* Status: accepted\r\n";
const ODD: &str = "# Approve it\n\n* Status: Approved\n";

#[tokio::test]
async fn the_form_is_there_and_the_list_leads_to_it() {
    let app = TestApp::new().await;
    assert_page(&app.get("/import").await, StatusCode::OK, "Import decisions");
    assert!(app.get("/decisions").await.body.contains("href=\"/import\""));
}

#[tokio::test]
async fn files_are_shown_first_and_kept_when_confirmed() {
    let app = TestApp::new().await;
    let before = std::fs::read_dir(app.decisions()).expect("the folder").count();
    let preview = send(
        &app,
        &[
            ("files", Some("0001-queue.md"), GOOD.as_bytes()),
            ("files", Some("0002-odd.md"), ODD.as_bytes()),
            ("files", Some("latin.md"), b"# Caf\xe9\n"),
        ],
    )
    .await;
    assert_page(&preview, StatusCode::OK, "Import decisions");
    assert!(preview.body.contains("1 to import, nothing is written yet; 1 without a known status"));
    assert!(preview.body.contains("Keep &#60;b&#62;one&#60;/b&#62; queue"), "{}", preview.body);
    assert!(preview.body.contains("name=\"status:approved\""), "{}", preview.body);
    assert!(preview.body.contains("it is not UTF-8 text"));
    assert!(preview.body.contains("name=\"unreadable\" value=\"latin.md\""), "{}", preview.body);
    assert_eq!(std::fs::read_dir(app.decisions()).expect("the folder").count(), before);

    let kept = serde_json::to_string(GOOD).expect("JSON");
    let odd = serde_json::to_string(ODD).expect("JSON");
    let done = send(
        &app,
        &[
            ("name", None, b"0001-queue.md"),
            ("text", None, kept.as_bytes()),
            ("name", None, b"0002-odd.md"),
            ("text", None, odd.as_bytes()),
            ("unreadable", None, b"latin.md"),
            ("status:approved", None, b"accepted"),
            ("do", None, b"import"),
        ],
    )
    .await;
    assert_page(&done, StatusCode::OK, "Import decisions");
    assert!(done.body.contains("2 imported; 1 to be mended."), "{}", done.body);
    let texts: Vec<String> = std::fs::read_dir(app.decisions())
        .expect("the folder")
        .map(|entry| std::fs::read_to_string(entry.expect("an entry").path()).expect("a text"))
        .collect();
    let queue = texts.iter().find(|text| text.contains("0001-queue.md")).expect("the record");
    assert!(queue.contains("queue\\r\n"), "line ends are kept: {queue}");
}

#[tokio::test]
async fn what_cannot_be_a_form_is_said_on_the_page() {
    let app = TestApp::new().await;
    let empty = send(&app, &[("files", Some(""), b"")]).await;
    assert_page(&empty, StatusCode::UNPROCESSABLE_ENTITY, "Error: Import decisions");
    assert!(empty.body.contains("Choose the files to import first."));
    let big = vec![b'x'; 9 * 1024 * 1024];
    let big = send(&app, &[("files", Some("big.md"), &big)]).await;
    assert_eq!(big.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(big.body.contains("larger than 8 MiB together"), "{}", big.body);
}
