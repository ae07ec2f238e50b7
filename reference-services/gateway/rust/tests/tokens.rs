//! The token check, on the examples of the RFCs and on odd sets of keys.

use gateway::{Keys, Refusal, verify};

/// RFC 8037 A.4 and RFC 7515 A.3: a key, a token that it signed, and the token's payload.
const EXAMPLES: [(&str, &str, &str); 2] = [
    (
        r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
        "Example of Ed25519 signing",
    ),
    (
        r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#,
        "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
        "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}",
    ),
];

fn keys(keys: &[&str]) -> Result<Keys, gateway::KeysError> {
    Keys::parse(format!("{{\"keys\":[{}]}}", keys.join(",")).as_bytes())
}

#[test]
fn the_examples_of_the_rfcs_hold() {
    for (key, token, payload) in EXAMPLES {
        assert_eq!(verify(&keys(&[key]).unwrap(), token).unwrap(), payload.as_bytes());
        let forged = token.replace(token.rsplit('.').next().unwrap(), &"A".repeat(86));
        assert_eq!(verify(&keys(&[key]).unwrap(), &forged), Err(Refusal::Signature));
    }
    let [ed25519, p256] = EXAMPLES;
    let other = verify(&keys(&[p256.0]).unwrap(), ed25519.1);
    assert_eq!(other, Err(Refusal::OtherAlgorithm));
}

#[test]
fn sets_of_keys_are_taken_or_refused_as_a_whole() {
    let [(ed25519, ..), (p256, ..)] = EXAMPLES;
    let with = |key: &str, member: &str| key.replacen('{', &format!("{{{member},"), 1);
    let rsa = r#"{"kty":"RSA","n":"x"}"#;
    let two = [with(ed25519, r#""kid":"a""#), with(p256, r#""kid":"b""#)];
    assert!(keys(&[&two[0], &two[1], rsa]).is_ok());
    for refused in [
        vec![],
        vec![r#"{"kty":"oct","k":"AAAA"}"#.to_owned()],
        vec![with(ed25519, r#""use":"enc""#)],
        vec![with(ed25519, r#""alg":"ES256""#)],
        vec![with(ed25519, r#""d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A""#)],
        vec![ed25519.to_owned(), p256.to_owned()],
        vec![ed25519.replacen("11qY", "11q", 1)],
        vec![p256.replacen("f83O", "f83P", 1)],
    ] {
        let refused: Vec<&str> = refused.iter().map(String::as_str).collect();
        assert!(keys(&refused).is_err(), "{refused:?}");
    }
}
