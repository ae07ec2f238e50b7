//! The overview, the evidence and the method.

use axum::{
    body::Body,
    http::{Request, StatusCode},
};

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
    for path in ["/", "/checklist", "/decisions", "/evidence", "/evidence/fastjson-api", "/method"]
    {
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

#[tokio::test]
async fn a_run_says_where_it_is_and_what_did_not_count() {
    let app = TestApp::new().await;
    let page = app.get("/evidence/fastjson-api").await.body;
    for run in &app.app.runs.runs {
        assert!(page.contains(&format!("benches/runs/{}/", run.name)), "{}", run.name);
        for void in &run.summary.voids {
            assert!(page.contains(&void.why), "{}", void.why);
        }
    }
    let twice = "GOMAXPROCS = 1 <span class=\"soft small\">µs</span><br>";
    assert!(!page.contains(twice), "a note is not said twice");
}

#[tokio::test]
async fn the_service_can_be_tried() {
    let app = TestApp::new().await;
    let path = "/evidence/fastjson-api";
    let post = |body: &str| {
        let request =
            Request::post(path).header("content-type", "application/x-www-form-urlencoded");
        app.send(request.body(Body::from(body.to_owned())).expect("a request"))
    };
    assert_page(&app.get(path).await, StatusCode::OK, "JSON API");
    let early = post("action=send&order=%7B%7D").await;
    assert_eq!(early.status, StatusCode::SERVICE_UNAVAILABLE, "it is not running yet");
    assert_eq!(post("action=start").await.status, StatusCode::SEE_OTHER);
    let page = app.get(path).await.body;
    assert!(page.contains("http://127.0.0.1:") && page.contains("Send the order"));
    let order = page.split("<textarea").nth(1).and_then(|rest| rest.split_once('>'));
    let order = order.and_then(|(_, rest)| rest.split("</textarea>").next()).expect("an order");
    let order = order.replace("&#34;", "\"");
    let body = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("action", "send")
        .append_pair("order", order.trim())
        .finish();
    let answer = post(&body).await;
    assert!(answer.body.contains("Answer: 200 OK"), "{}", answer.body);
    let refused = post("action=send&order=%3Cscript%3E").await.body;
    assert!(refused.contains("Answer: 4") && !refused.contains("<script>alert"));
    assert_eq!(post("action=stop").await.status, StatusCode::SEE_OTHER);
    assert!(app.get(path).await.body.contains("Start the service"));
    assert_eq!(post("action=explode").await.status, StatusCode::BAD_REQUEST);
}
