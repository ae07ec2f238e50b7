//! The checklist page: empty, filled, faulty and hostile.

use axum::{
    body::Body,
    http::{Request, StatusCode},
};

use crate::support::{Answer, TestApp};

/// Answers that lead somewhere, as a link.
pub(crate) const QUERY: &str = "service=gate&failure_consequence=catastrophic\
    &untrusted_input=core_job&invariants=intricate&go_fluency=few&rust_fluency=most&owners=5\
    &workload=gateway&tail_latency=tight&first_production=later&libraries=systems\
    &paved_road=rust&separable_core=no&priorities=safety&priorities=latency";

pub(crate) fn assert_page(answer: &Answer, status: StatusCode, title: &str) {
    assert_eq!(answer.status, status, "{}", answer.body);
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    let found = answer.body.split("<title>").nth(1).and_then(|rest| rest.split("</title>").next());
    let found = found.expect("a title");
    assert!(found.contains(title), "the title is {found:?}, not {title:?}");
    // What the content security policy would refuse.
    assert!(!answer.body.contains(" style=") && !answer.body.contains("<style"));
    assert!(!answer.body.contains("<script>") && !answer.body.contains(" onclick="));
}

#[tokio::test]
async fn a_lean_of_a_hundred_percent_says_what_holds_it_back() {
    let app = TestApp::new().await;
    let held = "go_fluency=none&rust_fluency=none&constraints=no_rust&first_production=later";
    let page = app.get(&format!("/checklist?{held}")).await.body;
    assert!(page.contains("first in 100%"), "{page}");
    assert!(page.contains("no more than a lean, because neither language fits the team yet"));
    // Readings in which nothing is left are counted too.
    let open = "go_fluency=none&rust_fluency=none&constraints=no_rust";
    let page = app.get(&format!("/checklist?{open}")).await.body;
    let told = page.split("All three are ruled out in ").nth(1).expect("what is left");
    let none_left: u32 = told.split('%').next().expect("a share").parse().expect("a number");
    let go = page.split("<span class=\"num\">").nth(2).expect("three shares");
    let go: u32 = go.split('%').next().expect("a share").parse().expect("a number");
    assert!(none_left > 0 && none_left + go == 100, "{none_left} and {go}");
    assert!(!app.get("/checklist?go_fluency=most&owners=4").await.body.contains("All three are"));
}

#[tokio::test]
async fn without_answers_there_is_no_advice() {
    let app = TestApp::new().await;
    for path in ["/checklist", "/checklist?go_fluency=unknown", "/checklist?owners="] {
        let page = app.get(path).await;
        assert_page(&page, StatusCode::OK, "Checklist");
        assert!(page.body.contains("No advice yet"), "{path}");
        assert!(!page.body.contains("plausible readings"), "{path}");
    }
    let page = app.get("/checklist").await.body;
    assert!(!page.contains(" checked"), "nothing is preselected");
    for question in assay_advice::Model::builtin().questions() {
        assert!(page.contains(&format!("name=\"{}\"", question.id)), "{}", question.id);
    }
}

#[tokio::test]
async fn answers_in_the_link_are_shown_and_advised_on() {
    let app = TestApp::new().await;
    let page = app.get(&format!("/checklist?{QUERY}")).await;
    assert_page(&page, StatusCode::OK, "Checklist: gate");
    assert!(page.body.contains("of 16,384 plausible readings"));
    assert!(page.body.contains("name=\"go_fluency\" value=\"few\" checked"));
    assert!(page.body.contains("name=\"owners\" value=\"5\""));
    assert!(page.body.contains("href=\"/checklist/record?service=gate"));
    assert_eq!(page.header("cache-control"), "private, no-store");
    assert!(!page.body.contains("id=\"sharpen\" open"), "nothing in it is answered");
    let more = app.get("/checklist?p99_ms=10&must=p99_ms").await;
    assert!(more.body.contains("id=\"sharpen\" open"));
    assert!(more.body.contains("name=\"must\" value=\"p99_ms\" checked"));
}

#[tokio::test]
async fn the_last_option_left_is_called_that() {
    let app = TestApp::new().await;
    let page = app.get("/checklist?constraints=no_rust&owners=4").await;
    assert_page(&page, StatusCode::OK, "Checklist");
    let (_, shares) =
        page.body.split_once("The only option left: first in ").expect("the headline");
    let (share, _) = shares.split_once("% of 16,384 plausible readings").expect("its share");
    assert!(share.parse::<u8>().is_ok_and(|share| (65..=99).contains(&share)), "{share}");
    assert!(page.body.contains("Rust is ruled out beforehand"));
    assert!(page.body.contains(", which is ruled out</h3>"));
}

#[tokio::test]
async fn the_script_gets_the_panel_alone() {
    let app = TestApp::new().await;
    let ask = |query: &str| {
        let request = Request::get(format!("/checklist?{query}")).header("x-fragment", "panel");
        request.body(Body::empty()).expect("a request")
    };
    let panel = app.send(ask(QUERY)).await;
    assert_eq!(panel.status, StatusCode::OK);
    assert!(panel.body.contains("plausible readings") && !panel.body.contains("<html"));
    let faulty = app.send(ask("owners=many")).await;
    assert_eq!(faulty.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(faulty.body.contains("href=\"#owners\""), "{}", faulty.body);
}

#[tokio::test]
async fn faults_are_named_where_they_are_and_nothing_is_lost() {
    let app = TestApp::new().await;
    let query = "go_fluency=lots&owners=five&rust_fluency=most&priorities=safety&priorities=people\
                 &priorities=delivery&colour=blue";
    let page = app.get(&format!("/checklist?{query}")).await;
    assert_page(&page, StatusCode::UNPROCESSABLE_ENTITY, "Error: Checklist");
    for target in ["#go_fluency", "#owners", "#priorities"] {
        assert!(page.body.contains(&format!("<a href=\"{target}\">")), "{target}");
    }
    assert!(page.body.contains("colour"), "the unknown question is named");
    assert!(page.body.contains("id=\"e-owners\"") && page.body.contains("aria-invalid=\"true\""));
    assert!(page.body.contains("name=\"owners\" value=\"five\""), "what was typed stays");
    assert!(page.body.contains("name=\"rust_fluency\" value=\"most\" checked"));
    for kept in ["safety", "people", "delivery"] {
        assert!(page.body.contains(&format!("name=\"priorities\" value=\"{kept}\"")));
    }
    assert_eq!(page.body.matches("name=\"priorities\"").count(), 8);
}

#[tokio::test]
async fn an_idle_tick_does_no_harm() {
    let app = TestApp::new().await;
    let page = app.get("/checklist?owners=5&owners=unknown&must=p99_ms").await;
    assert_page(&page, StatusCode::OK, "Checklist");
    assert!(page.body.contains("name=\"owners\" value=\"5\""));
}

#[tokio::test]
async fn hostile_text_stays_text() {
    let app = TestApp::new().await;
    let attack = "%22%3E%3Cscript%3Ealert(1)%3C/script%3E";
    for query in [
        format!("service={attack}"),
        format!("owners={attack}"),
        format!("go_fluency={attack}"),
        format!("{attack}={attack}"),
        format!("must={attack}"),
        "service=%ff%fe&go_fluency=%ff".to_owned(),
        "%00=%00&service=%00".to_owned(),
        "&&&===&%".to_owned(),
    ] {
        let page = app.get(&format!("/checklist?{query}")).await;
        assert!(page.status == StatusCode::OK || page.status == StatusCode::UNPROCESSABLE_ENTITY);
        assert!(!page.body.contains("<script>alert"), "{query}");
    }
    let many = "priorities=safety&".repeat(3_000);
    let page = app.get(&format!("/checklist?{many}")).await;
    assert!(page.status.is_success() || page.status.is_client_error());
}
