//! The overview and the method, and the links of every page.

use axum::http::StatusCode;

use crate::{pages_checklist::assert_page, support::TestApp};

#[tokio::test]
async fn the_overview_says_where_to_begin() {
    let app = TestApp::new().await;
    let page = app.get("/").await;
    assert_page(&page, StatusCode::OK, "Overview");
    assert!(page.body.contains("None yet."));
    for preset in assay_advice::presets() {
        assert!(page.body.contains(&format!("/checklist?service={}", preset.service)));
    }
    for link in page.body.split("href=\"/checklist?").skip(1) {
        let query = link.split('"').next().expect("an end").replace("&#38;", "&");
        let page = app.get(&format!("/checklist?{query}")).await;
        assert_eq!(page.status, StatusCode::OK, "{query}");
        assert!(page.body.contains("plausible readings"), "{query}");
    }
}

#[tokio::test]
async fn no_link_of_a_page_is_dead() {
    let app = TestApp::new().await;
    let paths = [
        "/",
        "/checklist",
        "/decisions",
        "/evidence",
        "/evidence/fastjson-api",
        "/evidence/method",
        "/evidence/claims",
        "/evidence/compare",
        "/precedents",
        "/precedents/backtest",
        "/precedents/discord-readstates",
        "/method",
    ];
    for path in paths {
        let page = app.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        for link in page.body.split("href=\"/").skip(1) {
            let link = link.split('"').next().expect("an end").replace("&#38;", "&");
            let answer = app.get(&format!("/{link}")).await;
            assert_eq!(answer.status, StatusCode::OK, "{path} links to /{link}");
        }
    }
}

#[tokio::test]
async fn the_method_lists_every_criterion() {
    let app = TestApp::new().await;
    let page = app.get("/method").await;
    assert_page(&page, StatusCode::OK, "Method");
    let model = assay_advice::Model::builtin();
    assert!(page.body.contains(model.digest()));
    for criterion in model.criteria() {
        let name = criterion.name.replace('\'', "&#39;");
        assert!(page.body.contains(&name), "{name}");
    }
}
