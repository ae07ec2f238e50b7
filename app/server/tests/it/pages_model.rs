//! `/model`: the model laid out, its text, and an edited one tried.

use assay_advice::Model;
use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};

use crate::{
    cli_model::edited,
    pages_checklist::assert_page,
    support::{Answer, RUST_SHEET, TestApp, toml},
};

/// Sends the form that tries a model, as a browser does.
async fn send(app: &TestApp, text: &str) -> Answer {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("text", &text.replace('\n', "\r\n"));
    let request = Request::post("/model")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "same-origin")
        .body(Body::from(form.finish()));
    app.send(request.expect("a request")).await
}

fn escaped(text: &str) -> String {
    text.replace('&', "&#38;").replace('\'', "&#39;").replace('"', "&#34;")
}

#[tokio::test]
async fn the_model_is_laid_out_whole() {
    let app = TestApp::new().await;
    let page = app.get("/model").await;
    assert_page(&page, StatusCode::OK, "The model");
    let model = Model::builtin();
    assert!(page.body.contains(model.digest()) && page.body.contains("the program itself"));
    for question in model.questions() {
        assert!(page.body.contains(&escaped(&question.label)), "{}", question.id);
        for answer in question.answers() {
            let cell =
                format!("<code>{}</code></th><td>{}</td>", answer.value, escaped(&answer.label));
            assert!(page.body.contains(&cell), "{cell}");
        }
    }
    for criterion in model.criteria() {
        assert!(page.body.contains(&format!("id=\"c-{}\"", criterion.id)), "{}", criterion.id);
    }
    for knockout in model.knockouts() {
        assert!(page.body.contains(&escaped(&knockout.text)), "{}", knockout.id);
    }
    assert!(page.body.contains("<code>rust_fluency = none</code>"));
    // A number of the model stands beside the answer it belongs to.
    assert!(page.body.contains("<th scope=\"row\">quarter</th><td class=\"num\">"), "a swing");
    assert!(page.body.contains("catastrophic"), "an answer that a swing depends on");
}

#[tokio::test]
async fn the_text_can_be_taken_away() {
    let app = TestApp::new().await;
    let answer = app.get("/model.toml").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-type"), "application/toml; charset=utf-8");
    assert!(answer.header("content-disposition").contains("filename=\"backend-"));
    assert_eq!(answer.body, Model::builtin().text());
}

#[tokio::test]
async fn faults_are_shown_in_place_and_the_text_is_kept() {
    let app = TestApp::new().await;
    let text = Model::builtin()
        .text()
        .replacen("core = true", "cor = true", 1)
        .replacen("go = 0.6", "go = 6", 1);
    let page = send(&app, &text).await;
    assert_page(&page, StatusCode::UNPROCESSABLE_ENTITY, "Error: An edited model");
    assert!(page.body.contains("2 places need mending"));
    for part in ["cor = true", "go = 6"] {
        let at = text.lines().position(|line| line.contains(part)).expect(part) + 1;
        assert!(page.body.contains(&format!("data-line=\"{at}\">Line {at}, column ")), "{part}");
        assert!(page.body.contains(&format!("<code>{at} | ")), "{part}");
    }
    assert!(page.body.contains("value = { rust = 1, go = 6, hybrid = 0.98 }"));
    let kept = page.body.split("<textarea").nth(1).expect("the form");
    assert!(kept.contains("cor = true"), "nothing typed is lost");
    for (text, told) in [
        ("", "There is no text"),
        ("  \n", "There is no text"),
        ("id = \"a", "Line 1, column "),
        ("<script>alert(1)</script>", "&#60;script&#62;"),
        (
            "id = \"x\"\nversion = \"1\"\ngroup = []\nquestion = []\ncriterion = []\n",
            "No criteria or too many",
        ),
    ] {
        let page = send(&app, text).await;
        assert_page(&page, StatusCode::UNPROCESSABLE_ENTITY, "Error: An edited model");
        assert!(page.body.contains(told), "{text:?}: {}", page.body);
        assert!(!page.body.contains("<script>alert"));
    }
}

#[tokio::test]
async fn an_edited_model_is_tried_and_changes_nothing_yet() {
    let app = TestApp::new().await;
    let score = toml(Request::post("/api/v1/score"), RUST_SHEET);
    let before = app.send(score).await.json();
    let create = serde_json::json!({
        "title": "Session gateway", "status": "accepted",
        "answers": { "failure_consequence": "catastrophic", "untrusted_input": "core_job",
            "rust_fluency": "most", "go_fluency": "few", "paved_road": "rust",
            "first_production": "later", "separable_core": "no", "priorities": ["safety"] },
    });
    let recorded = app.post_json("/api/v1/decisions", &create).await;
    assert_eq!(recorded.status, StatusCode::CREATED, "{}", recorded.body);
    let id = recorded.json()["id"].as_str().expect("an id").to_owned();
    let text = app.get(&format!("/decisions/{id}.toml")).await.body;

    let page = send(&app, &edited()).await;
    assert_page(&page, StatusCode::OK, "An edited model");
    let digest = Model::parse(&edited()).expect("good").digest().to_owned();
    assert!(page.body.contains(&digest), "the line ends of the form do not count");
    assert!(page.body.contains("documented decisions"));
    assert!(page.body.contains("One record of your own"));
    assert!(page.body.contains(&format!("href=\"/decisions/{id}\">Session gateway</a>")));
    assert!(page.body.contains("href=\"/precedents/"));
    assert!(page.body.contains("assay --model my-model.toml"));
    assert!(page.body.contains("agrees in "));

    let after = app.send(toml(Request::post("/api/v1/score"), RUST_SHEET)).await.json();
    assert_eq!(after, before, "trying is not adopting");
    assert_eq!(app.get(&format!("/decisions/{id}.toml")).await.body, text);
    // Asked again it says the same; the model in use changes nothing.
    assert_eq!(send(&app, &edited()).await.body, page.body);
    let same = send(&app, Model::builtin().text()).await;
    assert!(same.body.contains("They are the same text"), "{}", same.body);
    assert!(same.body.contains("No recommendation and no verdict changes."));
}

#[tokio::test]
async fn a_missing_brace_is_one_fault_at_the_place_it_opens() {
    let app = TestApp::new().await;
    let text =
        Model::builtin().text().replacen("go = 0.6, hybrid = 0.98 }", "go = 0.6, hybrid = 1", 1);
    let page = send(&app, &text).await;
    assert_page(&page, StatusCode::UNPROCESSABLE_ENTITY, "Error: An edited model");
    assert!(page.body.contains("One place needs mending"), "{}", page.body);
    let at = text.lines().position(|line| line.contains("hybrid = 1")).expect("the line") + 1;
    assert!(page.body.contains(&format!("data-line=\"{at}\">Line {at}, column 9")));
    assert!(page.body.contains("No `}` closes this."));
}

/// Sends a model to the trial of the API.
async fn try_over_http(app: &TestApp, text: &str) -> Answer {
    app.send(toml(Request::post("/api/v1/model/trial"), text)).await
}

#[tokio::test]
async fn programs_can_try_an_edited_model() {
    let app = TestApp::new().await;
    let answers = serde_json::json!({ "rust_fluency": "most", "paved_road": "rust", "owners": 5 });
    let create = serde_json::json!({ "title": "Ours", "status": "accepted", "answers": answers,
        "option": "rust", "why": "It is." });
    app.post_json("/api/v1/decisions", &create).await;
    let tried = try_over_http(&app, &edited()).await;
    assert_eq!(tried.status, StatusCode::OK, "{}", tried.body);
    let found = tried.json();
    let digest = Model::parse(&edited()).expect("good").digest().to_owned();
    assert_eq!(found["model"]["digest"], digest);
    assert_eq!(found["in_use"]["digest"], Model::builtin().digest());
    assert_eq!(found["precedents"]["cases"], assay_advice::precedents().len());
    assert_eq!(found["records"]["cases"], 1);
    let changed = found["precedents"]["changed"].as_array().expect("changes");
    assert!(changed.iter().any(|it| it["before"]["recommended"] != it["after"]["recommended"]));
    // The same as JSON, and nothing is adopted.
    let json = serde_json::json!({ "text": edited() });
    assert_eq!(app.post_json("/api/v1/model/trial", &json).await.json(), found);
    assert_eq!(app.get("/model.toml").await.body, Model::builtin().text());

    let text = Model::builtin().text().replacen("go = 0.6", "go = 6", 1);
    let problem = try_over_http(&app, &text).await.problem(422);
    let at = text.lines().position(|line| line.contains("go = 6")).expect("the line") + 1;
    assert_eq!(problem["errors"][0]["line"], at);
    assert_eq!(
        (&problem["errors"][0]["column"], problem["errors"].as_array().map(Vec::len)),
        (&26.into(), Some(1))
    );
    try_over_http(&app, " \n").await.problem(422);
    try_over_http(&app, &format!("# {}", "x".repeat(300 * 1024))).await.problem(422);
    try_over_http(&app, &"x".repeat(2 * 1024 * 1024)).await.problem(413);
    let json = serde_json::json!({ "model": edited() });
    app.post_json("/api/v1/model/trial", &json).await.problem(422);
    let plain = Request::post("/api/v1/model/trial").body(Body::from(edited()));
    app.send(plain.expect("a request")).await.problem(415);
    let document = app.get("/api/v1/openapi.json").await.json();
    assert!(document["paths"]["/api/v1/model/trial"]["post"].is_object());
}

#[tokio::test]
async fn the_numbers_chosen_with_cases_in_view_are_laid_out() {
    let app = TestApp::new().await;
    let page = app.get("/model").await.body;
    for lever in assay_advice::levers() {
        assert!(page.contains(&escaped(&lever.reason)), "{}", lever.id);
        assert!(page.contains(&format!("id=\"lever-{}\"", lever.id)));
        let section = page.split(&format!("id=\"lever-{}\"", lever.id)).nth(1).expect("it");
        let section = section.split("</details>").next().expect("an end");
        let columns = section.matches("<th scope=\"col\" class=\"num\">").count();
        assert_eq!(columns, lever.settings.len(), "{}", lever.id);
        assert_eq!(section.matches("n use</th>").count(), 1, "{}", lever.id);
        for place in &lever.at {
            assert!(section.contains(&format!("<code>{place}</code>")), "{place}");
        }
    }
    assert!(app.get("/precedents/backtest").await.body.contains("href=\"/model#levers\""));
    if let Some(found) = assay_advice::committed_leave_one_out() {
        let one = &found.one_at_a_time[0];
        let section = page.split(&format!("id=\"lever-{}\"", one.lever)).nth(1).expect("it");
        let figure = format!("{} of {}", one.counted.agree, one.counted.decided);
        assert!(section.contains(&figure), "{figure}");
        assert!(page.contains("Without one organisation at a time"));
    }
    let ours = TestApp::advised_by(SMALL).await.get("/model").await.body;
    assert!(!ours.contains("id=\"levers\""), "another model's numbers were chosen elsewhere");
}

#[tokio::test]
async fn a_query_that_nobody_knows_is_said() {
    let app = TestApp::new().await;
    let page = app.get("/method?example=%3Czzz%3E").await;
    assert_page(&page, StatusCode::UNPROCESSABLE_ENTITY, "Error: Method");
    assert!(page.body.contains("“&#60;zzz&#62;”") && page.body.contains("They are equal"));
    for preset in assay_advice::presets() {
        let link = format!("/method?example={}", preset.id);
        assert!(page.body.contains(&format!("href=\"{link}\"")), "{link}");
    }
    for fine in ["/method?example=", "/method?from=mail", "/precedents/backtest?use=core"] {
        assert_eq!(app.get(fine).await.status, StatusCode::OK, "{fine}");
    }
    for faulty in ["/precedents/backtest?use=x", "/precedents/backtest?use=thin-reasons"] {
        let page = app.get(faulty).await;
        assert_page(&page, StatusCode::UNPROCESSABLE_ENTITY, "Error: ");
        assert!(page.body.contains("assay backtest --use"), "{}", page.body);
    }
    let problem = app.get("/api/v1/precedents/backtest?use=x").await.problem(422);
    assert_eq!(problem["errors"][0]["field"], "use");
}

#[tokio::test]
async fn no_request_waits_for_many_records() {
    let app = TestApp::new().await;
    let answers = serde_json::json!({ "failure_consequence": "catastrophic",
        "untrusted_input": "core_job", "rust_fluency": "most", "go_fluency": "few",
        "paved_road": "rust", "first_production": "later" });
    let create = serde_json::json!({ "title": "Ours", "status": "accepted", "answers": answers });
    let id = app.post_json("/api/v1/decisions", &create).await.json()["id"].clone();
    let id = id.as_str().expect("an id");
    let text = app.get(&format!("/decisions/{id}.toml")).await.body;
    let (front, last) = id.split_at(id.len() - 2);
    let last = u8::from_str_radix(last, 16).expect("hex");
    for number in 2_u8..22 {
        let another = format!("{front}{:02x}", last.wrapping_add(number));
        let path = app.decisions().join(format!("{number:04}-ours.toml"));
        std::fs::write(path, text.replace(id, &another)).expect("writing");
    }
    let query = "failure_consequence=catastrophic&untrusted_input=some&rust_fluency=most\
        &go_fluency=few&paved_road=rust&first_production=later";
    let page = app.get(&format!("/checklist?{query}")).await.body;
    assert!(page.contains("5 of your records are still being read."), "{page}");
    assert!(page.contains("Your own records"), "those read already are there");
    // The rest is read meanwhile, without a request that asks for it.
    let read = async {
        loop {
            let own = app.app.own.at_hand(app.app.store.as_ref()).await.expect("records");
            if own.unread == 0 {
                return own.records.len();
            }
            tokio::task::yield_now().await;
        }
    };
    assert_eq!(read.await, 21);
    let page = app.get(&format!("/checklist?{query}")).await.body;
    assert!(!page.contains("still being read"));
}

#[tokio::test]
async fn another_site_cannot_send_a_model() {
    let app = TestApp::new().await;
    let request = Request::post("/model")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "cross-site")
        .body(Body::from("text=x"));
    let answer = app.send(request.expect("a request")).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let long = "x".repeat(2 * 1024 * 1024);
    assert_eq!(send(&app, &long).await.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_record_says_which_model_advised_it() {
    let app = TestApp::new().await;
    let answers = serde_json::json!({ "rust_fluency": "most", "go_fluency": "none", "owners": 5,
        "paved_road": "rust", "separable_core": "no" });
    let create = serde_json::json!({ "title": "Gateway", "option": "rust", "why": "It is.", "answers": answers });
    let recorded = app.post_json("/api/v1/decisions", &create).await.json();
    let id = recorded["id"].as_str().expect("an id");
    let digest = Model::builtin().digest();
    let short = digest.get(7..19).expect("hex");
    let page = app.get(&format!("/decisions/{id}")).await.body;
    assert!(page.contains(&format!("<code>{short}</code>")), "{page}");
    assert!(!page.contains("today’s</a> is"), "it is the same");

    // As if another model had given the advice.
    let text = app.get(&format!("/decisions/{id}.toml")).await.body;
    let other = text.replacen(digest, "sha256:0123456789abcdef", 1).replacen(
        id,
        "01a1fcad-80b3-741d-b139-6f4ed05821fa",
        1,
    );
    assert_ne!(other, text);
    std::fs::write(app.decisions().join("0002-older.toml"), other).expect("writing");
    let page = app.get("/decisions/01a1fcad-80b3-741d-b139-6f4ed05821fa").await.body;
    assert!(
        page.contains("<code>0123456789ab</code>; <a href=\"/model\">today’s</a> is backend"),
        "{page}"
    );
    assert!(page.contains(&format!("<code>{short}</code>")));
}

#[tokio::test]
async fn own_accepted_records_stand_beside_the_precedents() {
    let app = TestApp::new().await;
    let answers = serde_json::json!({ "failure_consequence": "catastrophic",
        "untrusted_input": "core_job", "rust_fluency": "most", "go_fluency": "few",
        "paved_road": "rust", "first_production": "later", "separable_core": "no" });
    let create = |title: &str, status: &str| serde_json::json!({ "title": title, "status": status, "answers": answers });
    for (title, status) in
        [("Ours accepted", "accepted"), ("Ours drafted", "draft"), ("Ours proposed", "proposed")]
    {
        let answer = app.post_json("/api/v1/decisions", &create(title, status)).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    }
    let query = "failure_consequence=catastrophic&untrusted_input=some&rust_fluency=most\
        &go_fluency=few&paved_road=rust&first_production=later&separable_core=no";
    let page = app.get(&format!("/checklist?{query}")).await.body;
    let own = page.split("Your own records").nth(1).expect("own records");
    assert!(own.contains("0001 Ours accepted") && own.contains("Your record"), "{own}");
    assert!(!page.contains("Ours drafted") && !page.contains("Ours proposed"));
    assert!(own.contains("there “It is the job”, here “Some of its own”"), "{own}");
    // On its own page a record is not its own precedent.
    let list = app.get("/api/v1/decisions").await.json();
    let items = list["items"].as_array().expect("items");
    for item in items {
        let id = item["id"].as_str().expect("an id");
        let page = app.get(&format!("/decisions/{id}")).await.body;
        let shown = page.contains("Your own records");
        assert_eq!(shown, item["title"] != "Ours accepted", "{}", item["title"]);
    }
    // Too few answers to compare.
    let page = app.get("/checklist?rust_fluency=most&owners=3").await.body;
    assert!(!page.contains("Your own records"));
}

/// A model that shares next to nothing with the built-in one.
const SMALL: &str = r#"
id = "small"
version = "1"

[[group]]
id = "all"
name = "All"

[[question]]
id = "mood"
group = "all"
core = true
label = "How is the mood?"
short = "how the mood is"
answers = [
    { value = "good", label = "Good", help = "", phrase = "the mood is good" },
    { value = "bad", label = "Bad", help = "", phrase = "the mood is bad" },
]

[[criterion]]
id = "joy"
name = "Joy"
group = "all"
swing = { by = "mood", good = 10, bad = 2 }
value = { rust = 1, go = { by = "mood", good = 0.2, bad = 1 }, hybrid = 0.5 }
"#;

#[tokio::test]
async fn a_model_with_other_questions_leaves_every_page_whole() {
    let app = TestApp::advised_by(SMALL).await;
    let id = {
        let create = serde_json::json!({ "title": "Ours", "answers": { "mood": "good" } });
        let answer = app.post_json("/api/v1/decisions", &create).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
        answer.json()["id"].as_str().expect("an id").to_owned()
    };
    let record = format!("/decisions/{id}");
    for path in [
        "/",
        "/checklist",
        "/checklist?mood=good",
        "/checklist/record?mood=good&service=s",
        "/decisions",
        &record,
        "/precedents",
        "/precedents/backtest",
        "/precedents/discord-readstates",
        "/evidence",
        "/method",
        "/model",
        "/model.toml",
        "/api/v1/precedents/backtest",
    ] {
        let answer = app.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
        for link in answer.body.split("href=\"/").skip(1) {
            let link = link.split('"').next().expect("an end").replace("&#38;", "&");
            let answer = app.get(&format!("/{link}")).await;
            assert_eq!(answer.status, StatusCode::OK, "{path} links to /{link}");
        }
    }
    let page = app.get("/model").await.body;
    assert!(page.contains("<code>ours.toml</code>") && page.contains("How is the mood?"));
    assert!(!page.contains("HISTORY.md"), "its variants are not ours to count");
    // What is known of the built-in model is not said of it; which model it is, is.
    let digest = page.split("<code>sha256:").nth(1).expect("a digest");
    let digest = format!("ours.toml (sha256:{}", digest.split('<').next().expect("an end"));
    for path in ["/precedents/backtest", "/precedents/grab", "/method"] {
        let page = app.get(path).await.body;
        assert!(page.contains(&digest), "{path} does not name {digest}");
        for said in ["was tuned on these", "with these cases in view", " variants<"] {
            assert!(!page.contains(said), "{path} says {said:?}");
        }
    }
    assert!(app.get("/method").await.body.contains("<strong>They are equal</strong>"));
    // The built-in model is then the edited one: hardly an answer fits either way.
    let page = send(&app, Model::builtin().text()).await;
    assert_page(&page, StatusCode::OK, "An edited model");
    assert!(page.body.contains("that the edited model does not know"), "{}", page.body);
}
