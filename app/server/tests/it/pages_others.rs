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
        "/model",
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

/// The cells of a table row, without their markup.
fn cells(row: &str) -> Vec<String> {
    let mut cells = Vec::new();
    for cell in row.split("<td").chain(None).skip(1) {
        let cell = cell.split_once('>').map_or("", |(_, rest)| rest);
        let mut text = String::new();
        let mut within = true;
        for letter in cell.split("</td>").next().unwrap_or_default().chars() {
            match letter {
                '<' => within = false,
                '>' => within = true,
                letter if within => text.push(letter),
                _ => {}
            }
        }
        cells.push(text);
    }
    cells
}

#[tokio::test]
async fn the_methods_example_adds_up() {
    let app = TestApp::new().await;
    let model = assay_advice::Model::builtin();
    let mut totals = Vec::new();
    for example in ["", "?example=fintech-json-api"] {
        let page = app.get(&format!("/method{example}")).await;
        assert_page(&page, StatusCode::OK, "Method");
        assert!(page.body.contains("<strong>They are equal</strong>"), "{example}");
        let table = page.body.split("<table class=\"sum\">").nth(1).expect("the sum");
        let (rows, foot) = table.split_once("<tfoot>").expect("a foot");
        let number = |text: &str| text.replace('−', "-").parse::<f64>().expect(text);
        let (mut swing, mut sum, mut count) = (0.0, 0.0, 0);
        for row in rows.split("<tr>").filter(|row| row.contains("<td")) {
            let cells = cells(row);
            swing += number(&cells[1]);
            sum += number(&cells[6]);
            count += 1;
        }
        assert_eq!(count, model.criteria().len());
        let foot = cells(foot.split("</tr>").next().expect("a row"));
        // Each shown number is rounded, so their sum is within half a unit for each.
        assert!((swing - number(&foot[0])).abs() < 0.005 * count as f64, "{example}: {foot:?}");
        assert!((sum - number(&foot[5])).abs() < 0.00005 * count as f64, "{example}: {foot:?}");
        totals.push(foot);
    }
    assert_ne!(totals[0], totals[1], "another example has other numbers");
}

#[tokio::test]
async fn the_method_says_its_rules_its_sources_and_its_limits() {
    let app = TestApp::new().await;
    let page = app.get("/method").await.body;
    assert!(page.contains("The model was tuned on these cases. With its numbers chosen anew"));
    for said in [
        "seed 20261121",
        "16,384",
        "at least 85%",
        "at least 65%",
        "50% of the swing",
        "Lahdelma and Salminen",
        "Wilson",
        "Gower",
        "Keeney and Raiffa",
        "Homma and Saltelli",
        "Survivorship",
        "Agreement is not correctness",
        "Judged values are judgements",
        "A difference that may be noise counts as none",
        "what would not stand without what is only expected",
    ] {
        assert!(page.contains(said), "{said} is missing");
    }
}

#[tokio::test]
async fn the_method_works_out_the_noise_and_what_is_only_expected() {
    let app = TestApp::new().await;
    // A JSON API is measured: its tail is not told apart from noise, its processor time is.
    let page = app.get("/method?example=fintech-json-api").await.body;
    let table = page.split("against its noise</caption>").nth(1).expect("the noise");
    let row = |name: &str| {
        let row = table.split("<tr>").find(|row| row.contains(name)).expect(name);
        let cells = cells(row.split("</tr>").next().expect("a row"));
        let [_, low, high, factor, counts] = cells.as_slice() else { panic!("{cells:?}") };
        let number = |text: &str| text.parse::<f64>().expect(text);
        let reaches = number(high) >= 1.0 / number(factor) && number(low) <= number(factor);
        assert_eq!(counts, if reaches { "as no difference" } else { "as measured" }, "{name}");
        reaches
    };
    assert!(row("p99.9 at half load") && !row("Processor time per request"), "{table}");
    // Of the examples some rest on an expectation, and say how far they stand without it.
    let mut told = [0, 0];
    for preset in assay_advice::presets() {
        let page = app.get(&format!("/method?example={}", preset.id)).await.body;
        let worked = page.split("The lower bound for").nth(1).expect("a verdict");
        told[0] += usize::from(worked.contains("Without what is only expected it comes first in"));
        told[1] += usize::from(worked.contains("Nothing that is only expected speaks for it"));
    }
    assert_eq!(told[0] + told[1], assay_advice::presets().len());
    assert!(told[0] > 0, "{told:?}");
}
