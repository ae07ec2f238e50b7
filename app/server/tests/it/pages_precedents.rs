//! The pages of the precedents, and their JSON.

use assay_advice::{Choice, Usage, precedents};
use axum::{
    body::Body,
    http::{Request, StatusCode},
};

use crate::{
    pages_checklist::{QUERY, assert_page},
    support::{GO_SHEET, TestApp},
};

/// How many cases a page lists.
fn listed(body: &str) -> usize {
    body.matches("<p class=\"title\"><a href=\"/precedents/").count()
}

#[tokio::test]
async fn every_precedent_is_listed_and_has_a_page() {
    let app = TestApp::new().await;
    let page = app.get("/precedents").await;
    assert_page(&page, StatusCode::OK, "Precedents");
    assert_eq!(listed(&page.body), precedents().len());
    assert!(page.body.contains("survivorship") && page.body.contains("over-represented"));
    for precedent in precedents() {
        assert!(page.body.contains(&format!("href=\"/precedents/{}\"", precedent.id)));
    }
    for precedent in precedents().iter().step_by(9) {
        let page = app.get(&format!("/precedents/{}", precedent.id)).await;
        assert_page(&page, StatusCode::OK, "");
        for source in &precedent.sources {
            assert!(page.body.contains(&format!("id=\"source-{}\"", source.key)));
        }
        assert!(page.body.contains("What was known beforehand"));
        assert!(page.body.contains(precedent.option.name()));
    }
}

#[tokio::test]
async fn filters_narrow_the_list_and_count_what_they_would_leave() {
    let app = TestApp::new().await;
    let count = |fits: fn(&assay_advice::Precedent) -> bool| {
        precedents().iter().filter(|precedent| fits(precedent)).count()
    };
    let cases = [
        ("option=hybrid", count(|p| p.option == Choice::Hybrid)),
        ("use=core&option=go", count(|p| p.usage == Usage::Core && p.option == Choice::Go)),
        ("year=2021", count(|p| p.decided_year == 2021)),
        ("year=2015-2019", count(|p| (2015..=2019).contains(&p.decided_year))),
        ("year=2020-", count(|p| p.decided_year >= 2020)),
        ("q=discord", count(|p| p.organisation == "Discord")),
        ("q=READ+discord", 1),
        ("option=", precedents().len()),
    ];
    for (query, expected) in cases {
        let page = app.get(&format!("/precedents?{query}")).await;
        assert_page(&page, StatusCode::OK, "Precedents");
        assert!(expected > 0 && listed(&page.body) == expected, "{query}: {expected}");
        let json = app.get(&format!("/api/v1/precedents?{query}")).await.json();
        assert_eq!(json["total"], expected, "{query}");
    }
    let hybrids = app.get("/precedents?option=hybrid").await.body;
    assert!(hybrids.contains("value=\"hybrid\" selected"));
    // What a facet says of its values is what choosing one leaves.
    let label = hybrids.split("<select id=\"use\"").nth(1).expect("the uses");
    let core = label.split("value=\"core\">Counts in the backtest (").nth(1).expect("its count");
    let told: usize = core.split(')').next().expect("an end").parse().expect("a number");
    let both = app.get("/precedents?option=hybrid&use=core").await.body;
    assert_eq!(told, listed(&both));
}

#[tokio::test]
async fn no_hit_and_faulty_filters_say_what_to_do() {
    let app = TestApp::new().await;
    let page = app.get("/precedents?q=nobody-has-this-name").await;
    assert_page(&page, StatusCode::OK, "Precedents");
    assert!(page.body.contains("No precedent fits.") && listed(&page.body) == 0);
    let page = app.get("/precedents?option=java&year=lately&today=maybe&use=core").await;
    assert_page(&page, StatusCode::UNPROCESSABLE_ENTITY, "Error: Precedents");
    for control in ["#option", "#year", "#today"] {
        assert!(page.body.contains(&format!("href=\"{control}\"")), "{control}");
    }
    assert!(page.body.contains("value=\"core\" selected") && listed(&page.body) > 0);
    let problem = app.get("/api/v1/precedents?option=java&workload=toaster").await.problem(422);
    assert_eq!(problem["errors"][0]["allowed"], "rust, go, hybrid");
    assert!(problem["errors"][1]["allowed"].as_str().expect("values").contains("gateway"));
    // Of a filter given twice the second is told, not taken.
    let page = app.get("/precedents?option=go&option=rust").await;
    assert_page(&page, StatusCode::UNPROCESSABLE_ENTITY, "Error: Precedents");
    assert!(page.body.contains("Filter option: is given more than once. Allowed: one value."));
    assert!(page.body.contains("value=\"go\" selected"), "the first counts");
    for address in
        ["precedents?option=go&option=rust", "precedents/backtest?use=core&use=thin-reasons"]
    {
        let problem = app.get(&format!("/api/v1/{address}")).await.problem(422);
        assert_eq!(problem["errors"][0]["message"], "is given more than once", "{address}");
    }
    let page = app.get("/method?example=a&example=b").await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(app.get("/precedents?option=go&option=go").await.status, StatusCode::OK);
    // What is no filter is said and passed over; a program is refused.
    let page = app.get("/precedents?chosen=rust&utm=a&chosen=go&option=go").await;
    assert_page(&page, StatusCode::OK, "Precedents");
    let notice = "asks for “chosen”, “utm”, which is no filter here and is passed over. The filters \
                  are option (what was chosen: rust, go or hybrid), q (words), use (core, ";
    assert!(page.body.contains(notice) && listed(&page.body) < precedents().len(), "{}", page.body);
    assert!(!app.get("/precedents?option=go").await.body.contains("no filter here"));
    let problem = app.get("/api/v1/precedents?chosen=rust&option=go").await.problem(422);
    assert_eq!(problem["errors"][0]["field"], "chosen");
    assert!(
        problem["errors"][0]["allowed"]
            .as_str()
            .expect("the filters")
            .contains("rust, go or hybrid")
    );
    let page = app.get("/precedents?q=%3Cscript%3Ealert(1)&year=%22%3E").await;
    assert!(!page.body.contains("<script>alert"));
}

#[tokio::test]
async fn a_case_is_not_its_own_nearest_and_nothing_tips_what_is_ruled_out() {
    let app = TestApp::new().await;
    let page = app.get("/precedents/pingora").await.body;
    let link = page.split("href=\"/checklist?").nth(1).expect("a link");
    let query = link.split('"').next().expect("an end").replace("&#38;", "&");
    let sheet = app.get(&format!("/checklist?{query}")).await.body;
    assert!(sheet.contains("These are the answers of <a href=\"/precedents/pingora\">"), "{sheet}");
    let near = sheet.split("<ol class=\"nearest\">").nth(1).expect("the nearest");
    assert!(!near.split("</ol>").next().expect("an end").contains("/precedents/pingora"));

    let page = app.get("/precedents/fullstory").await.body;
    for part in ["Every option is ruled out", "Nothing tips it.", "It rules that out: nobody could"]
    {
        assert!(page.contains(part), "{part}");
    }
    for part in
        ["rather than", "answers that are open", "ruled out in 1", "Too close", "than a lean"]
    {
        assert!(!page.contains(part), "{part}");
    }
}

#[tokio::test]
async fn an_unknown_precedent_is_not_found() {
    let app = TestApp::new().await;
    let page = app.get("/precedents/nobody").await;
    assert_page(&page, StatusCode::NOT_FOUND, "There is no such precedent");
    app.get("/api/v1/precedents/nobody").await.problem(404);
}

#[tokio::test]
async fn a_case_leads_to_the_checklist_with_its_answers() {
    let app = TestApp::new().await;
    let page = app.get("/precedents/discord-readstates").await;
    assert_page(&page, StatusCode::OK, "Discord");
    let link = page.body.split("href=\"/checklist?").nth(1).expect("a link");
    let query = link.split('"').next().expect("an end").replace("&#38;", "&");
    let sheet = app.get(&format!("/checklist?{query}")).await;
    assert_page(&sheet, StatusCode::OK, "Checklist");
    // Both say the same of the same answers.
    let headline = |body: &str| {
        let text = body.split("<p class=\"headline\">").nth(1).expect("a headline");
        text.split("</p>").next().expect("an end").to_owned()
    };
    assert_eq!(headline(&page.body), headline(&sheet.body));
}

#[tokio::test]
async fn each_coded_answer_names_its_facts() {
    let app = TestApp::new().await;
    let body = app.get("/precedents/qdrant").await.body;
    let row = |label: &str| {
        let row = body.split("<tr role=\"row\">").find(|row| row.contains(label)).expect(label);
        row.split("</tr>").next().expect("an end").to_owned()
    };
    assert!(body.contains("<tr role=\"row\" id=\"fact-latency\">"), "the fact can be linked to");
    let tail = row("slowest 1 in 100 requests be");
    assert!(tail.contains("<a href=\"#fact-latency\">Latency</a>: pauses unwanted"), "{tail}");
    assert!(tail.contains("Like a stated reason"), "{tail}");
    // Where the facts say it plainly they stand for themselves, and it is not marked.
    let rust = row("could review a Rust change");
    assert!(rust.contains("Rust in the team</a>: none at the start"), "{rust}");
    assert!(!rust.contains("Like a stated reason"), "{rust}");
    let anycable = app.get("/precedents/anycable").await.body;
    assert!(anycable.contains("No fact says it: no network stack"), "{anycable}");
}

#[tokio::test]
async fn a_case_as_json_can_be_scored_as_it_is() {
    let app = TestApp::new().await;
    let case = app.get("/api/v1/precedents/pingora").await.json();
    assert_eq!(case["organisation"], "Cloudflare");
    assert_eq!(case["use"], "core");
    assert!(case["facts"].as_array().expect("facts").len() >= 10);
    let basis = &case["answer_basis"]["owners"];
    assert_eq!(basis["topics"], serde_json::json!(["team"]));
    assert_eq!((&basis["like_reason"], basis["words"].is_string()), (&false.into(), true));
    assert!(case["decision"]["reasons"].as_array().is_some_and(|reasons| !reasons.is_empty()));
    assert!(case["documented_in"][0]["url"].as_str().expect("an address").starts_with("http"));
    let request = serde_json::json!({ "answers": case["answers"] });
    let score = app.post_json("/api/v1/score", &request).await;
    assert_eq!(score.status, StatusCode::OK, "{}", score.body);
    let document = app.get("/api/v1/openapi.json").await.json();
    for path in ["", "/{id}", "/backtest"].map(|end| format!("/api/v1/precedents{end}")) {
        assert!(document["paths"][&path]["get"].is_object(), "{path}");
    }
}

#[tokio::test]
async fn the_backtest_says_first_what_it_cannot_say_and_then_the_figures() {
    let app = TestApp::new().await;
    let page = app.get("/precedents/backtest").await;
    assert_page(&page, StatusCode::OK, "Is the advice any good?");
    let warning = page.body.find("Agreement with history is not correctness").expect("the warning");
    let json = app.get("/api/v1/precedents/backtest").await.json();
    let (decided, agree) = (&json["decided"], &json["agree"]);
    let first = format!("the model decides {decided}, from what was known beforehand, and names");
    let figures = page.body.find(&first).expect("the first figures");
    assert!(warning < figures);
    assert!(page.body.contains(&format!("what was chosen in {agree} of them")));
    assert!(page.body.contains("0.667"), "the uniform forecast stands beside");
    // What hangs on the coding stands beside the simple way that does best under the same loss.
    for ablation in json["ablations"].as_array().expect("ablations") {
        let row = from(&page.body, ablation["name"].as_str().expect("a name"));
        let row = row.split("</tr>").next().expect("a row");
        let credit = |of: &serde_json::Value| of["credit"].as_f64().expect("a number");
        let ways = ablation["baselines"].as_object().expect("baselines").values();
        let best = ways.clone().map(credit).max_by(f64::total_cmp).expect("one");
        // Several may do equally well; any one of them stands there.
        for of in [vec![ablation], ways.filter(|way| credit(way) == best).collect()] {
            let named = |way: &&&serde_json::Value| {
                row.contains(&format!("{} of {}", way["agree"], way["decided"]))
                    && row.contains(&format!(">{:.1}<", credit(way)))
            };
            assert!(of.iter().any(|way| named(&way)), "{row}");
        }
    }
    let strictest = from(&page.body, "Without the answers that <a href=\"#without\">");
    let like = json["ablations"].as_array().expect("them").iter();
    let like = like.clone().find(|own| own["id"] == "without_like_reasons").expect("it");
    let named = format!("<strong>{} of {}</strong>", like["agree"], like["decided"]);
    assert!(strictest[..400].contains(&named), "{}", &strictest[..400]);
    let follows = from(&page.body, "What follows from the figures");
    let follows = follows.split("</ul>").next().expect("an end");
    for part in
        ["With all answers the model earns", "look like a stated reason", "no source states"]
    {
        assert!(follows.contains(part), "{part}: {follows}");
    }
    // A table says where a simple way is better once something is taken away.
    let table = from(&page.body, "Table of what is taken away");
    let table = table.split("</table>").next().expect("its end");
    let [more, same, less] =
        ["more", "the same", "less"].map(|word| table.matches(&format!("<td>{word}</td>")).count());
    let taken = json["ablations"].as_array().expect("them").len() + 1;
    assert_eq!(more + same + less, taken + 1, "with all answers as well: {table}");
    let counted = format!("in {}, the same in {same} and less in {less}. ", more - 1);
    assert!(follows.contains(&counted) && less > 0, "{counted}: {follows}");
    // What is left out without harm is named, and so is what hangs on performance.
    let credit = |of: &serde_json::Value| of["credit"].as_f64().expect("a credit");
    for own in json["criteria"].as_array().expect("them") {
        let (name, moved) = (own["name"].as_str().expect("a name"), own["moved"].as_u64());
        let told = format!("“{name}” ({} of {}, ", own["agree"], own["decided"]);
        let harmless = moved > Some(0) && credit(own) >= credit(&json) - 1e-9;
        assert_eq!(follows.contains(&told), harmless, "{told}: {follows}");
        let hang = format!("{} on “{name}”", own["moved"]);
        assert!(own["measured"] == false || follows.contains(&hang), "{hang}: {follows}");
    }
    // A flip that is shown leads to what was chosen.
    for case in json["per_case"].as_array().expect("cases") {
        let flip = &case["flip"];
        if !flip.is_null() {
            assert_eq!(flip["recommended"], case["option"], "{case}");
            assert_ne!(flip["verdict_after"], "too_close", "{case}");
        }
    }
    for criterion in json["criteria"].as_array().expect("criteria") {
        let link = format!("href=\"/model#c-{}\"", criterion["criterion"].as_str().expect("an id"));
        let row = from(&page.body, &link).split("</tr>").next().expect("a row");
        assert!(row.contains(&format!("{} of {}", criterion["agree"], criterion["decided"])));
    }
    for part in ["follows from the coding and shows nothing", "Three shares may add up to less"] {
        assert!(page.body.contains(part), "{part}");
    }
    for name in ["Majority", "Equal weights", "Fluency only", "Four questions"] {
        assert!(page.body.contains(name), "{name}");
    }
    // What was found for another model says nothing of this one.
    let left_out = assay_advice::committed_leave_one_out();
    assert_eq!(page.body.contains("With each organisation left out in turn"), left_out.is_some());
    if let Some(found) = left_out {
        let row = from(&page.body, "Chosen without the case’s organisation");
        let figures = format!("{} of {}", found.left_out.agree, found.left_out.decided);
        assert!(row.split("</tr>").next().is_some_and(|row| row.contains(&figures)), "{figures}");
    }
    let variants =
        page.body.split(" variants</strong>").next().and_then(|it| it.rsplit('>').next());
    let variants = variants.and_then(|it| it.parse::<usize>().ok());
    assert!(variants >= Some(16), "{variants:?}");
    // Every case has a row with its shares, and leads to its page.
    let rows = page.body.matches("scope=\"row\"><a href=\"/precedents/").count();
    assert_eq!(rows, precedents().len());
    assert_eq!(json["per_case"].as_array().expect("cases").len(), precedents().len());
    let shares = &json["per_case"][0]["first_share"];
    let sum: f64 = ["rust", "go", "hybrid"].iter().filter_map(|it| shares[it].as_f64()).sum();
    assert!((sum - 1.0).abs() < 0.05, "{shares}");
}

#[tokio::test]
async fn the_backtest_follows_the_runs_in_use() {
    let app = TestApp::new().await;
    let before = app.app.evidence.now();
    let (first, again) = (before.backtest(), app.app.evidence.now());
    assert!(std::ptr::eq(first, again.backtest()), "it is computed once for an engine");
    app.app.evidence.reload();
    let after = app.app.evidence.now();
    assert!(!std::ptr::eq(first, after.backtest()), "another engine is judged anew");
}

/// The part of a page from this heading on.
fn from<'a>(body: &'a str, heading: &str) -> &'a str {
    body.split_once(heading).unwrap_or_else(|| panic!("no {heading:?}: {body}")).1
}

#[tokio::test]
async fn beside_the_advice_stand_the_nearest_precedents() {
    let app = TestApp::new().await;
    let ask = |query: &str| {
        let request = Request::get(format!("/checklist?{query}")).header("x-fragment", "panel");
        request.body(Body::empty()).expect("a request")
    };
    let panel = app.send(ask(QUERY)).await.body;
    let shown = from(&panel, "How others decided");
    let shown = shown.split("</details>").next().expect("an end");
    let links: Vec<_> = shown.split("href=\"/precedents/").skip(1).collect();
    assert_eq!(links.len(), 4, "three, and the nearest that chose otherwise: {shown}");
    assert_eq!(shown.matches("Nearest that chose otherwise").count(), 1);
    assert!(shown.contains("% alike") && shown.contains("theirs “"));
    // The recommended option is Rust, so the one that chose otherwise did not.
    let otherwise = shown.split("<li class=").find(|it| it.contains("chose otherwise"));
    assert!(!otherwise.expect("one").contains("Chose <span class=\"option option-rust\">"));
    let few = app.send(ask("owners=5&go_fluency=most")).await.body;
    assert!(
        from(&few, "How others decided").contains("No documented decision can be compared yet")
    );
    assert!(few.contains("too few answers to compare"));
}

#[tokio::test]
async fn a_precedents_answers_but_for_one_find_it_first() {
    let app = TestApp::new().await;
    let page = app.get("/precedents/discord-readstates").await.body;
    let query = from(&page, "href=\"/checklist?").split('"').next().expect("an end");
    let query = query.replace("&#38;", "&").replace("go_fluency=most", "go_fluency=few");
    let sheet = app.get(&format!("/checklist?{query}")).await.body;
    let nearest = from(from(&sheet, "How others decided"), "href=\"/precedents/");
    assert!(nearest.starts_with("discord-readstates\""), "{}", &nearest[..200]);
    let first = nearest.split("</li>").next().expect("an end");
    assert!(first.contains("% alike") && first.contains("theirs “Half or more”"), "{first}");
}

#[tokio::test]
async fn a_record_shows_its_nearest_precedents() {
    let app = TestApp::new().await;
    let sheet: toml::Table = GO_SHEET.parse().expect("TOML");
    let answers = serde_json::to_value(&sheet["answers"]).expect("JSON");
    let draft = serde_json::json!({ "title": "Back office", "answers": answers });
    let made = app.post_json("/api/v1/decisions", &draft).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let id = made.json()["id"].as_str().expect("an id").to_owned();
    let page = app.get(&format!("/decisions/{id}")).await.body;
    let shown = from(&page, "How others decided");
    assert!(shown.matches("<a href=\"/precedents/").count() >= 3, "{shown}");
}
