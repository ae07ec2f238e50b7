//! `/portfolio`, the filters that its numbers lead to, and the list as a table.

use std::fmt::Write as _;

use axum::http::StatusCode;

use crate::{pages_checklist::assert_page, support::TestApp};

/// Advice for Rust that left questions open, and rests on a run that nobody has.
const ADVICE: &str = r#"[advice]
recommended = "rust"
verdict = "lean"
rust_in_core = 0.9
go_at_edge = 0.1
unknown = ["go_fluency", "cores"]
draws = 1
seed = 1
model = { id = "backend", version = "1", digest = "sha256:0" }
options = { rust = { value = 1, first_share = 1 }, go = { value = 0, first_share = 0 }, hybrid = { value = 0, first_share = 0 } }
reasons = [{ criterion = "tail", contribution = 0.1, text = "It is.", evidence = "a-run-of-old/json" }]
"#;

fn id(number: usize) -> String {
    format!("0198f2c4-7d1e-7c3a-9b52-{number:012}")
}

/// Many records that differ in everything that is counted.
fn write_records(app: &TestApp, count: usize) {
    std::fs::create_dir_all(app.decisions()).expect("the folder");
    let status =
        ["accepted", "accepted", "proposed", "accepted", "deprecated", "accepted", "rejected"];
    for number in 1..=count {
        let pick = |among: &[&'static str], stride: usize| among[number / stride % among.len()];
        let mut text = format!(
            "schema = 1\nid = \"{}\"\ntitle = \"Decision {number} <b>\"\nstatus = \"{}\"\n\
             created = 2026-{:02}-21T10:00:00Z\n",
            id(number),
            status[number % status.len()],
            number % 11 + 1,
        );
        let team = pick(&["", "team = \"red & <blue>\"\n", "team = \"go\"\n"], 2);
        text += team;
        if number % 3 > 0 {
            writeln!(text, "decided = 202{}-0{}-0{}", number % 7, number % 9 + 1, number % 8 + 1)
                .expect("text");
        }
        if number % 10 == 9 {
            text += "tags = [\"assay\"]\n";
        }
        if number % 6 == 5 {
            writeln!(text, "supersedes = [\"{}\", \"{}\"]", id(number - 1), id(number - 3))
                .expect("text");
        }
        if number % 13 == 0 {
            text += "[original]\nformat = \"madr4\"\nfile = \"a.md\"\ntext = \"# A\"\n";
            std::fs::write(app.decisions().join(format!("{number:04}-d.toml")), text)
                .expect("a file");
            continue;
        }
        let option = pick(&["rust", "go", "hybrid"], 1);
        writeln!(text, "[choice]\noption = \"{option}\"\noverride_reason = \"We know it.\"")
            .expect("text");
        writeln!(text, "[answers]\nowners = {}\nrust_fluency = \"few\"", number % 5 + 1)
            .expect("text");
        if number % 4 > 0 {
            text += ADVICE;
        }
        if number % 5 == 0 {
            text += "[[event]]\nat = 2026-11-20T10:00:00Z\nby = \"a\"\nkind = \"trigger_fired\"\ntrigger = \"t\"\n";
        }
        if number % 7 < 3 {
            let outcome = pick(&["keep", "amend", "supersede"], 7);
            writeln!(text, "[[event]]\nat = 2026-11-21T10:00:00Z\nby = \"a\"\nkind = \"revisited\"\noutcome = \"{outcome}\"").expect("text");
        }
        std::fs::write(app.decisions().join(format!("{number:04}-d.toml")), text).expect("a file");
    }
}

/// The numbers on a page that lead to a list, with its query.
fn counts(page: &str) -> Vec<(String, u64)> {
    let links = page.split("href=\"/decisions?").skip(1);
    let count = |link: &str| {
        let (query, rest) = link.split_once('"')?;
        let number = rest.strip_prefix('>')?.split_once("</a>")?.0;
        Some((query.replace("&#38;", "&"), number.parse().ok()?))
    };
    links.filter_map(count).collect()
}

#[tokio::test]
async fn every_number_leads_to_so_many_records() {
    let app = TestApp::new().await;
    write_records(&app, 60);
    assert_eq!(app.get("/decisions").await.body.matches("needs mending").count(), 0);
    for narrowed in ["", "?team=go", "?team=-&from=2024-01-01&to=2026-06-30", "?examples=yes"] {
        let page = app.get(&format!("/portfolio{narrowed}")).await;
        assert_page(&page, StatusCode::OK, "Portfolio");
        let counts = counts(&page.body);
        assert!(counts.len() > 10 || narrowed == "?examples=yes", "{narrowed}: {}", counts.len());
        for (query, number) in counts {
            let list = app.get(&format!("/api/v1/decisions?{query}")).await;
            assert_eq!(list.json()["total"], number, "{narrowed} {query}");
            assert!(number > 0, "a number without records leads nowhere: {query}");
        }
    }
}

#[tokio::test]
async fn the_portfolio_says_what_was_found() {
    let app = TestApp::new().await;
    write_records(&app, 60);
    let page = app.get("/portfolio").await.body;
    for said in [
        "without the examples that come with assay",
        "red &#38; &#60;blue&#62;",
        "None named",
        "3,000 EUR a week",
        "up to 20 swing points",
        "a-run-of-old",
        "it is not known here",
        "Revisited, to be superseded",
    ] {
        assert!(page.contains(said), "{said}");
    }
    assert!(page.contains("<ul class=\"tree\">") && !page.contains("<b>"));
    let list = app.get("/decisions?evidence=void&unknown=yes&revisited=amend&decided=yes").await;
    assert_page(&list, StatusCode::OK, "Decisions");
    for said in
        ["Rests on a run that no longer counts", "with a starred question open", "outcome “amend”"]
    {
        assert!(list.body.contains(said), "{said}");
    }
    let without = "/decisions?decided=yes&#38;unknown=yes&#38;evidence=void\" aria-label=\"Remove: Last revisited";
    assert!(list.body.contains(without), "each can be removed by itself");
}

#[tokio::test]
async fn a_runtime_that_a_team_has_not_got_has_its_price() {
    let app = TestApp::new().await;
    std::fs::create_dir_all(app.decisions()).expect("the folder");
    let teams = [
        ("edge", "go", "[answers]\nowners = 5\nrust_fluency = \"few\"\n"),
        ("core", "rust", ""),
        ("both", "hybrid", ""),
    ];
    for (number, (team, option, answers)) in (1..).zip(teams) {
        let text = format!(
            "schema = 1\nid = \"{}\"\ntitle = \"T\"\nstatus = \"accepted\"\nteam = \"{team}\"\n\
             created = 2026-11-21T10:00:00Z\n[choice]\noption = \"{option}\"\n{answers}",
            id(number)
        );
        std::fs::write(app.decisions().join(format!("{number:04}-t.toml")), text).expect("a file");
    }
    let page = app.get("/portfolio").await.body;
    assert!(page.contains("Rust: 90,000 EUR (5 engineers × 6 weeks)"), "{page}");
    assert!(page.contains("Go: 12,000 EUR for each engineer (4 weeks, if nobody knows it)"));
    assert_eq!(page.matches("engineer (").count(), 1, "a hybrid has both already");
}

#[tokio::test]
async fn an_empty_portfolio_and_one_of_examples_alone() {
    let app = TestApp::new().await;
    let page = app.get("/portfolio").await;
    assert_page(&page, StatusCode::OK, "Portfolio");
    assert!(page.body.contains("No decision is recorded yet") && !page.body.contains("<table"));
    write_records(&app, 0);
    let example = "schema = 1\nid = \"0198f2c4-7d1e-7c3a-9b52-000000000001\"\ntitle = \"Ours\"\n\
                   status = \"draft\"\ncreated = 2026-11-21T10:00:00Z\ntags = [\"assay\"]\n";
    std::fs::write(app.decisions().join("0001-ours.toml"), example).expect("a file");
    let page = app.get("/portfolio").await;
    assert!(page.body.contains("These are about assay itself"));
    assert!(page.body.contains("No decision has been made yet"));
    let none = app.get("/portfolio?team=nobody").await;
    assert_page(&none, StatusCode::OK, "Portfolio");
    assert!(none.body.contains("No record fits"));
}

#[tokio::test]
async fn filters_that_are_not_allowed_say_what_is() {
    let app = TestApp::new().await;
    let faults = [
        ("from=lately", "from", "a day as YYYY-MM-DD"),
        ("from=2026-02-01&to=2026-01-01", "to", "a day from then on"),
        ("revisited=twice", "revisited", "yes, no, keep, amend, supersede"),
        ("unknown=everything", "unknown", "failure_consequence"),
        ("fired=maybe", "fired", "yes or no"),
        ("decided=no", "decided", "yes"),
        ("examples=1x", "examples", "yes or no"),
        ("status=open", "status", "draft, proposed"),
    ];
    for (query, field, allowed) in faults {
        for path in ["/decisions", "/portfolio", "/decisions.csv"] {
            let page = app.get(&format!("{path}?{query}")).await;
            assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}?{query}");
            assert!(page.body.contains(field) && page.body.contains(allowed), "{}", page.body);
        }
        let problem = app.get(&format!("/api/v1/decisions?{query}")).await.problem(422);
        assert_eq!(problem["errors"][0]["field"], field);
        assert!(problem["errors"][0]["allowed"].as_str().expect("text").contains(allowed));
    }
}

#[tokio::test]
async fn the_table_has_the_list_that_the_filters_leave() {
    let app = TestApp::new().await;
    write_records(&app, 60);
    for query in [
        "",
        "status=accepted&option=go",
        "q=decision+7",
        "team=-&page=9",
        "overridden=yes&from=2025-01-01",
    ] {
        let table = app.get(&format!("/decisions.csv?{query}")).await;
        assert_eq!(table.status, StatusCode::OK);
        assert!(table.header("content-type").starts_with("text/csv"));
        assert!(table.header("content-disposition").contains("decisions.csv"));
        let listed =
            app.get(&format!("/api/v1/decisions?{query}&page=1&per_page=1000")).await.json();
        let listed = listed["items"].as_array().expect("items");
        let ids: Vec<&str> =
            listed.iter().map(|item| item["id"].as_str().expect("an id")).collect();
        let lines: Vec<&str> = table.body.lines().skip(1).collect();
        let told: Vec<&str> =
            lines.iter().map(|line| line.split(',').nth(1).expect("an id")).collect();
        assert_eq!(told, ids, "{query}");
        assert!(!ids.is_empty(), "{query}");
    }
    let page = app.get("/decisions?team=go&page=1&per_page=5").await;
    assert!(page.body.contains("href=\"/decisions.csv?team=go\""), "all pages of it");
    assert!(page.body.contains("/decisions?team=go&#38;page=2&#38;per_page=5"));
}
