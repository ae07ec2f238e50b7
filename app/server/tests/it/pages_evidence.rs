//! The pages about evidence.

use axum::{
    body::Body,
    http::{Request, StatusCode},
};

use crate::{pages_checklist::assert_page, support::TestApp};

#[tokio::test]
async fn the_way_of_measuring_is_told_with_its_sections() {
    let app = TestApp::new().await;
    let page = app.get("/evidence/method").await;
    assert_page(&page, StatusCode::OK, "How we measure");
    let text = include_str!("../../../../benches/METHOD.md");
    let sections = text.lines().filter_map(|line| line.strip_prefix("## "));
    assert!(sections.clone().count() > 3);
    for section in sections {
        assert!(page.body.contains(&format!(">{section}</a>")), "{section} is in the contents");
    }
    for link in page.body.split("href=\"#").skip(1) {
        let id = link.split('"').next().expect("an end");
        assert!(page.body.contains(&format!("id=\"{id}\"")), "{id} is on the page");
    }
}

#[tokio::test]
async fn a_run_says_where_it_is_and_what_did_not_count() {
    let app = TestApp::new().await;
    let page = app.get("/evidence/fastjson-api").await.body;
    for run in &app.app.runs().runs {
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
