//! Signing in at a real provider, with a real database: sessions, roles, tokens, and answers that are
//! not to be trusted.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use crate::{
    cli::Desk,
    cluster::Cluster,
    prometheus::{Running, free_port, serve},
    support::{npm_packages, skip},
};

const SECRET: &str = "the client secret of the tests";

/// A browser: it keeps cookies by host and port, and follows no redirect by itself.
#[derive(Clone, Default)]
struct Browser(BTreeMap<(u16, String), String>);

struct Answer {
    status: u16,
    head: String,
    body: String,
    url: Url,
}

impl Answer {
    fn location(&self) -> Option<Url> {
        let line = self.head.lines().find(|line| line.to_lowercase().starts_with("location:"))?;
        self.url.join(line.split_once(':')?.1.trim()).ok()
    }

    fn cookie(&self, name: &str) -> Option<&str> {
        let start = format!("set-cookie: {name}=");
        self.head.lines().find(|line| line.to_lowercase().starts_with(&start))
    }
}

impl Browser {
    fn ask(&mut self, method: &str, url: &Url, more: &str, body: &str) -> Answer {
        let port = url.port().expect("a port");
        let cookies: Vec<String> = self
            .0
            .iter()
            .filter(|((of, _), _)| *of == port)
            .map(|((_, name), value)| format!("{name}={value}"))
            .collect();
        let cookies = match cookies.is_empty() {
            true => String::new(),
            false => format!("Cookie: {}\r\n", cookies.join("; ")),
        };
        let target = url.query().map_or(url.path().to_owned(), |q| format!("{}?{q}", url.path()));
        let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a server");
        write!(
            stream,
            "{method} {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n{cookies}\
             {more}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        for line in head.lines().filter(|line| line.to_lowercase().starts_with("set-cookie:")) {
            let cookie = line.split_once(':').map_or("", |(_, rest)| rest).trim();
            let (name, value) =
                cookie.split(';').next().and_then(|it| it.split_once('=')).expect("a cookie");
            self.0.insert((port, name.to_owned()), value.to_owned());
        }
        let status = head.split(' ').nth(1).and_then(|it| it.parse().ok()).expect("a status");
        Answer { status, head: head.to_owned(), body: body.to_owned(), url: url.clone() }
    }

    fn get(&mut self, url: &Url) -> Answer {
        self.ask("GET", url, "", "")
    }

    fn form(&mut self, url: &Url, body: &str) -> Answer {
        let origin = url.origin().ascii_serialization();
        let more =
            format!("Content-Type: application/x-www-form-urlencoded\r\nOrigin: {origin}\r\n");
        self.ask("POST", url, &more, body)
    }

    fn json(&mut self, method: &str, url: &Url, body: &Value) -> Answer {
        self.ask(method, url, "Content-Type: application/json\r\n", &body.to_string())
    }

    /// Follows redirects until a page comes.
    fn follow(&mut self, mut answer: Answer) -> Answer {
        for _ in 0..10 {
            match answer.location().filter(|_| matches!(answer.status, 302 | 303)) {
                Some(url) => answer = self.get(&url),
                None => return answer,
            }
        }
        panic!("too many redirects")
    }

    /// Opens a page of ours, signs in at the provider as somebody, and gives assay's answer to coming
    /// back, unfollowed.
    fn sign_in(&mut self, assay: &Assay, page: &str, who: &str) -> Answer {
        let mut answer = self.get(&assay.at(page));
        for _ in 0..20 {
            if let Some(url) = answer.location() {
                answer = self.get(&url);
                if answer.url.path() == "/sign-in/done" {
                    return answer;
                }
            } else {
                assert_eq!(answer.status, 200, "{}", answer.body);
                let form = match answer.body.contains("name=\"login\"") {
                    true => format!("prompt=login&login={who}&password=x"),
                    false => "prompt=consent".to_owned(),
                };
                let url = answer.url.clone();
                answer = self.form(&url, &form);
            }
        }
        panic!("nobody signed in")
    }
}

/// The provider on its port, and assay beside it.
struct Provider {
    arguments: Vec<String>,
    running: Option<Running>,
}

impl Provider {
    fn start(&mut self) {
        // The port must be free again first.
        self.running = None;
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sign-in");
        let mut node = Command::new("node");
        node.arg("provider.js").args(&self.arguments).current_dir(folder);
        let mut child = node.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("node");
        let mut line = String::new();
        let out = child.stdout.take().expect("its output");
        BufReader::new(out).read_line(&mut line).expect("a line");
        assert_eq!(line, "ready\n");
        self.running = Some(Running(child));
    }
}

struct Assay {
    port: u16,
    _running: Running,
    _desk: Desk,
}

impl Assay {
    fn at(&self, path: &str) -> Url {
        let url = Url::parse(&format!("http://127.0.0.1:{}", self.port)).expect("an address");
        url.join(path).expect("a path")
    }
}

/// Both, if what they need is here.
fn both(test: &str) -> Option<(Provider, Assay)> {
    let Some(cluster) = Cluster::shared() else {
        skip(test, "PostgreSQL is not installed");
        return None;
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sign-in");
    if !npm_packages(&folder) {
        skip(test, "npm ci cannot fetch the sign-in provider");
        return None;
    }
    let desk = Desk::new();
    std::fs::write(desk.path("secret"), format!("{SECRET}\n")).expect("a secret");
    let (ours, theirs) = (free_port(), free_port());
    let public = format!("http://127.0.0.1:{ours}");
    let arguments =
        vec![theirs.to_string(), format!("{public}/sign-in/done"), format!("{public}/")];
    let mut provider = Provider { arguments, running: None };
    provider.start();
    let mut command = desk.command(&["--listen", &format!("127.0.0.1:{ours}")]);
    command
        .env("ASSAY_DATABASE_URL", cluster.url(&cluster.database("")))
        .env("ASSAY_PUBLIC_URL", &public)
        .env("ASSAY_OIDC_ISSUER", format!("http://127.0.0.1:{theirs}"))
        .env("ASSAY_OIDC_CLIENT_ID", "assay")
        .env("ASSAY_OIDC_CLIENT_SECRET_FILE", desk.path("secret"));
    let running = serve(command);
    Some((provider, Assay { port: ours, _running: running, _desk: desk }))
}

#[test]
fn people_sign_in_and_do_what_their_role_allows() {
    let Some((mut provider, assay)) = both("people_sign_in_and_do_what_their_role_allows") else {
        return;
    };
    let decisions = assay.at("/api/v1/decisions");
    let sheet = json!({"title": "The gateway", "option": "go", "answers": {"owners": 3}});
    // Nobody comes in without.
    let mut nobody = Browser::default();
    assert_eq!(nobody.get(&decisions).status, 401);
    assert_eq!(nobody.json("POST", &decisions, &sheet).status, 401);
    let sent = nobody.get(&assay.at("/decisions?q=x"));
    assert_eq!(sent.location(), Some(assay.at("/sign-in?to=%2Fdecisions%3Fq%3Dx")));
    assert_eq!(nobody.get(&assay.at("/healthz")).status, 200);

    // An author writes, under the name that the provider gives.
    let mut ada = Browser::default();
    let back = ada.sign_in(&assay, "/decisions?q=x", "ada-author");
    assert_eq!(
        (back.status, back.location()),
        (303, Some(assay.at("/decisions?q=x"))),
        "{}",
        back.body
    );
    let cookie = back.cookie("__host-assay").expect("a session");
    for part in ["; Path=/;", "; Secure", "; HttpOnly", "; SameSite=Lax"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let page = ada.follow(back);
    assert!(page.status == 200 && page.body.contains("Name of ada-author"), "{}", page.body);
    let made = ada.json("POST", &decisions, &sheet);
    assert_eq!(made.status, 201, "{}", made.body);
    let record: Value = serde_json::from_str(&made.body).expect("JSON");
    let status =
        assay.at(&format!("/api/v1/decisions/{}/status", record["id"].as_str().expect("an id")));
    let proposed = ada.json("POST", &status, &json!({"status": "proposed"}));
    assert!(proposed.body.contains("Name of ada-author"), "{}", proposed.body);
    let accepted = ada.json("POST", &status, &json!({"status": "accepted"}));
    assert_eq!(accepted.status, 403, "{}", accepted.body);
    assert_eq!(ada.get(&assay.at("/trail")).status, 403);

    // A reviewer decides, and sees who tried what.
    let mut rita = Browser::default();
    let back = rita.sign_in(&assay, "/", "rita-reviewer");
    assert_eq!(rita.follow(back).status, 200);
    assert_eq!(rita.json("POST", &status, &json!({"status": "accepted"})).status, 200);
    let trail = rita.get(&assay.at("/trail")).body;
    assert!(trail.contains("Name of ada-author") && trail.contains("403"), "{trail}");
    assert!(trail.contains("nobody") && trail.contains("401"), "{trail}");

    assert!(trail.contains("GET /sign-in/done") && trail.contains("sign-in"), "{trail}");

    // A viewer reads; somebody without a role does not.
    let mut vera = Browser::default();
    let back = vera.sign_in(&assay, "/", "vera-viewer");
    assert_eq!(vera.follow(back).status, 200);
    assert_eq!(vera.json("POST", &decisions, &sheet).status, 403);
    let mut eve = Browser::default();
    assert_eq!(eve.sign_in(&assay, "/", "eve-nothing").status, 403);
    assert_eq!(eve.get(&decisions).status, 401);

    // The provider's keys are all new, and it still goes on.
    provider.start();
    std::thread::sleep(Duration::from_secs(1));
    let mut amy = Browser::default();
    let back = amy.sign_in(&assay, "/", "amy-author");
    assert_eq!(back.status, 303, "{}", back.body);
    provider.running = None;
    assert_eq!(amy.get(&decisions).status, 200, "a session needs no provider");
}

#[test]
fn a_sign_in_holds_once_in_its_own_browser() {
    let Some((_provider, assay)) = both("a_sign_in_holds_once_in_its_own_browser") else { return };
    let mut ada = Browser::default();
    let back = ada.sign_in(&assay, "/", "ada-author");
    assert_eq!(back.status, 303);
    let decisions = assay.at("/api/v1/decisions");
    assert_eq!(ada.get(&decisions).status, 200);
    // The same answer again, in the same browser and in another.
    assert_eq!(ada.get(&back.url).status, 400);
    assert_eq!(Browser::default().get(&back.url).status, 400);
    let mut forged = back.url.clone();
    forged.set_query(Some("state=guessed&code=guessed"));
    assert_eq!(ada.get(&forged).status, 400);
    // A sign-in never leads elsewhere.
    for to in ["//evil.example", "https://evil.example", "/\\evil.example"] {
        let mut elsewhere = assay.at("/sign-in");
        elsewhere.query_pairs_mut().append_pair("to", to);
        let mut mallory = Browser::default();
        let path = format!("/sign-in?{}", elsewhere.query().expect("a query"));
        let back = mallory.sign_in(&assay, &path, "mallory-viewer");
        assert_eq!(back.location(), Some(assay.at("/")), "{to}");
    }
    // A new sign-in ends the session before it.
    let mut before = ada.clone();
    assert_eq!(ada.sign_in(&assay, "/sign-in", "ada-author").status, 303);
    assert_eq!(ada.get(&decisions).status, 200);
    assert_eq!(before.get(&decisions).status, 401);
    // Signing out ends it, and leads to the provider's own sign-out.
    let mut copy = ada.clone();
    let out = ada.form(&assay.at("/sign-out"), "");
    assert!(out.body.contains("/session/end?id_token_hint="), "{}", out.body);
    assert_eq!(ada.get(&decisions).status, 401);
    assert_eq!(copy.get(&decisions).status, 401, "the session is over, not only its cookie");
}

#[test]
fn a_token_acts_for_its_owner_until_it_is_revoked() {
    let Some((_provider, assay)) = both("a_token_acts_for_its_owner") else { return };
    let mut ada = Browser::default();
    assert_eq!(ada.sign_in(&assay, "/", "ada-author").status, 303);
    let account = assay.at("/account");
    assert_eq!(
        ada.form(&account, "what=make&label=x&role=reviewer").status,
        422,
        "no more than one's own"
    );
    let made = ada.form(&account, "what=make&label=Nightly+report&role=viewer").body;
    let token = made.split("assay_").nth(1).and_then(|it| it.split('<').next()).expect("a token");
    let token = format!("Authorization: Bearer assay_{token}\r\n");
    assert!(!ada.get(&account).body.contains("assay_"), "it is shown once");
    let decisions = assay.at("/api/v1/decisions");
    let mut program = Browser::default();
    assert_eq!(program.ask("GET", &decisions, &token, "").status, 200);
    assert_eq!(program.ask("POST", &decisions, &token, "{}").status, 403);
    let list = ada.get(&account).body;
    let id = list.split("name=\"token\" value=\"").nth(1).and_then(|it| it.split('"').next());
    let revoked = ada.form(&account, &format!("what=revoke&token={}", id.expect("an id")));
    assert_eq!(revoked.status, 303);
    assert_eq!(program.ask("GET", &decisions, &token, "").status, 401);
    // What it may do, in the trail; and a reviewer ends it all.
    let mut rita = Browser::default();
    assert_eq!(rita.sign_in(&assay, "/", "rita-reviewer").status, 303);
    let trail = rita.get(&assay.at("/trail")).body;
    assert!(trail.contains("made token") && trail.contains("revoked token"), "{trail}");
    assert_eq!(ada.form(&assay.at("/people"), "subject=rita-reviewer").status, 403);
    assert!(rita.get(&assay.at("/people")).body.contains("Name of ada-author"));
    assert_eq!(rita.form(&assay.at("/people"), "subject=ada-author").status, 303);
    assert_eq!(ada.get(&decisions).status, 401);
    assert!(!rita.get(&assay.at("/people")).body.contains("Name of ada-author"));
    assert_eq!(ada.sign_in(&assay, "/", "ada-author").status, 303);
    // Everything at once.
    let made = ada.form(&account, "what=make&label=Another&role=viewer").body;
    assert!(made.contains("assay_"));
    ada.form(&account, "what=expel");
    assert_eq!(ada.get(&decisions).status, 401);
}

#[test]
fn what_was_taken_away_at_the_provider_ends_here_at_the_next_sign_in() {
    let test = "what_was_taken_away_at_the_provider";
    let Some((mut provider, assay)) = both(test) else { return };
    let (account, decisions) = (assay.at("/account"), assay.at("/api/v1/decisions"));
    let sheet = json!({"title": "The gateway", "option": "go", "answers": {"owners": 3}});
    let mut ada = Browser::default();
    assert_eq!(ada.sign_in(&assay, "/", "ada-author").status, 303);
    let made = ada.form(&account, "what=make&label=Writes&role=author").body;
    let token = made.split("assay_").nth(1).and_then(|it| it.split('<').next()).expect("a token");
    let token =
        format!("Authorization: Bearer assay_{token}\r\nContent-Type: application/json\r\n");
    let program =
        |method, body: &str| Browser::default().ask(method, &decisions, &token, body).status;
    assert_eq!(program("POST", &sheet.to_string()), 201);
    // In another browser she comes back as less: what she has open elsewhere is less too.
    for (role, reads, writes) in [("viewer", 200, 403), ("none", 401, 401)] {
        provider.arguments.truncate(3);
        provider.arguments.push(format!("ada-author={role}"));
        provider.start();
        std::thread::sleep(Duration::from_secs(1));
        let back = Browser::default().sign_in(&assay, "/", "ada-author").status;
        assert_eq!(back, if role == "none" { 403 } else { 303 });
        assert_eq!((program("GET", ""), program("POST", "{}")), (reads, writes), "{role}");
        assert_eq!(ada.get(&decisions).status, reads, "{role}");
        assert_eq!(ada.json("POST", &decisions, &sheet).status, writes, "{role}");
    }
}

#[test]
fn a_form_sent_after_the_session_ended_comes_back_and_can_be_sent_again() {
    let Some((_provider, assay)) = both("a_form_sent_after_the_session_ended") else { return };
    let mut ada = Browser::default();
    assert_eq!(ada.sign_in(&assay, "/", "ada-author").status, 303);
    let page = ada.get(&assay.at("/checklist/record?owners=3"));
    let mut fields = inputs(&page.body);
    fields.retain(|(name, _)| name == "id" || name == "answers");
    assert_eq!(fields.len(), 2, "{}", page.body);
    let why = "Line \"one\" <script>alert(1)</script>\r\n& line two, ü";
    let mut typed = form_urlencoded::Serializer::new(String::new());
    typed.extend_pairs(&fields).append_pair("title", "The gateway").append_pair("option", "go");
    let typed = typed.append_pair("status", "draft").append_pair("context", why).finish();

    let record = assay.at("/checklist/record");
    assert_eq!(ada.form(&assay.at("/sign-out"), "").status, 200);
    let answer = ada.form(&record, &typed);
    assert_eq!((answer.status, answer.location()), (401, None), "{}", answer.body);
    assert!(!answer.body.contains("<script>alert"), "{}", answer.body);
    assert!(answer.body.contains("action=\"/checklist/record\""), "{}", answer.body);
    // Programs are told in their own way, and other sites get nothing.
    assert_eq!(ada.json("POST", &assay.at("/api/v1/decisions"), &json!({})).status, 401);
    let foreign =
        "Content-Type: application/x-www-form-urlencoded\r\nOrigin: http://evil.example\r\n";
    let refused = ada.ask("POST", &record, foreign, &typed);
    assert!(refused.status == 403 && !refused.body.contains("line two"), "{}", refused.body);

    assert_eq!(ada.sign_in(&assay, "/account", "ada-author").status, 303);
    let mut again = form_urlencoded::Serializer::new(String::new());
    let again = again.extend_pairs(inputs(&answer.body)).finish();
    let made = ada.form(&record, &again);
    assert_eq!(made.status, 303, "{}", made.body);
    let place = made.location().expect("the record");
    let place = assay.at(&format!("/api/v1{}", place.path()));
    let kept = ada.ask("GET", &place, "Accept: application/toml\r\n", "").body;
    let record: toml::Table = kept.parse().expect("a record");
    let context = record["rationale"]["context"].as_str().unwrap_or_default();
    assert_eq!(context.trim(), why.replace("\r\n", "\n"), "{kept}");
}

/// The hidden inputs of a page, as a browser reads them.
fn inputs(page: &str) -> Vec<(String, String)> {
    let attribute = |tag: &str, name: &str| {
        let value = tag.split(&format!(" {name}=\"")).nth(1)?.split('"').next()?;
        let pairs =
            [("&#34;", "\""), ("&#39;", "'"), ("&#60;", "<"), ("&#62;", ">"), ("&#38;", "&")];
        Some(pairs.iter().fold(value.to_owned(), |text, (from, to)| text.replace(from, to)))
    };
    let tags = page.split("<input ").skip(1).filter_map(|rest| rest.split('>').next());
    let hidden = tags.map(|tag| format!(" {tag}")).filter(|tag| tag.contains(" type=\"hidden\""));
    hidden.filter_map(|tag| Some((attribute(&tag, "name")?, attribute(&tag, "value")?))).collect()
}

#[test]
fn other_machines_are_served_only_with_sign_in() {
    let desk = Desk::new();
    let said = desk.fails(2, &["--listen", "0.0.0.0:0"]);
    assert!(
        said.contains("refusing to listen on 0.0.0.0:0") && said.contains("--oidc-issuer"),
        "{said}"
    );
    let with = |more: &[&str]| {
        let mut all = vec!["--listen", "0.0.0.0:0", "--oidc-issuer", "https://login.example.org"];
        all.extend(more);
        desk.fails(2, &all)
    };
    assert!(with(&[]).contains("--database (ASSAY_DATABASE_URL) is missing"));
    let started = Instant::now();
    let said = desk.fails(2, &["--oidc-roles", "king=x", "list"]);
    assert!(said.contains("viewer, author or reviewer"), "{said}");
    assert!(started.elapsed() < Duration::from_secs(10));
}
