//! The sign-in provider: OpenID Connect's authorization code flow with PKCE.

use std::{pin::Pin, sync::Arc, time::Duration};

use assay_store::access::Attempt;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::DateTime;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use jiff::{SignedDuration, Timestamp};
use openidconnect::{
    AuthenticationFlow, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret,
    CsrfToken, HttpRequest, HttpResponse, IssuerUrl, Nonce, PkceCodeChallenge, PkceCodeVerifier,
    PostLogoutRedirectUrl, ProviderMetadataWithLogout, RedirectUrl, Scope, TokenResponse as _,
    core::{CoreClient, CoreIdToken, CoreResponseType},
};
use serde_json::Value;
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};
use url::Url;

/// The longest answer of the provider, and how long it may take.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// How far the provider's clock may be ahead of ours or behind.
const SKEW: SignedDuration = SignedDuration::from_secs(60);
/// How long somebody may take at the provider.
const ATTEMPT_MAX: SignedDuration = SignedDuration::from_mins(10);
/// What the provider says of itself is asked for again after this, and for an unknown key at most so
/// often: keys rotate.
const KNOWN_FOR: Duration = Duration::from_secs(3600);
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Why a sign-in failed.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The provider cannot be asked.
    #[error("the sign-in provider cannot be reached: {0}")]
    Unreachable(String),
    /// What came back is not to be trusted.
    #[error("the sign-in provider's answer does not hold: {0}")]
    Untrusted(String),
}

/// Who the provider says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The provider's id for them.
    pub subject: String,
    /// Their name, else their address, else the id.
    pub name: String,
    /// The values of the claim that roles come from.
    pub groups: Vec<String>,
    /// The token as it came, for signing out there.
    pub id_token: String,
}

/// A sign-in to begin: where to send the browser, and what to keep meanwhile.
pub struct Beginning {
    /// The provider's page.
    pub url: Url,
    /// The secret that must come back with the browser.
    pub state: String,
    /// What the answer must fit.
    pub attempt: Attempt,
}

/// How the provider is reached and what it knows us as.
#[derive(Clone)]
pub struct Settings {
    /// The provider's address, as in its tokens.
    pub issuer: IssuerUrl,
    /// What it calls us.
    pub client_id: ClientId,
    /// The secret it knows us by; none for a public client.
    pub client_secret: Option<ClientSecret>,
    /// Where it sends people back to.
    pub redirect: RedirectUrl,
    /// Where it may send people who signed out.
    pub home: PostLogoutRedirectUrl,
    /// The claim that holds the values roles are given for.
    pub claim: String,
}

type Http = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;
type Asking = Pin<Box<dyn Future<Output = Result<HttpResponse, SignInError>> + Send>>;

/// The provider.
pub struct Provider {
    settings: Settings,
    http: Http,
    known: Mutex<Option<(Arc<ProviderMetadataWithLogout>, Instant)>>,
}

impl Provider {
    /// Nothing is asked yet: the provider may be away while assay starts.
    ///
    /// # Errors
    /// When the system's certificates cannot be read.
    pub fn new(settings: Settings) -> std::io::Result<Self> {
        let connector = HttpsConnectorBuilder::new().with_native_roots()?;
        let connector = connector.https_or_http().enable_http1().build();
        let http = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { settings, http, known: Mutex::default() })
    }

    /// Begins a sign-in that is to end at a path of ours.
    ///
    /// # Errors
    /// When the provider cannot be asked.
    pub async fn begin(&self, goal: &str, now: Timestamp) -> Result<Beginning, SignInError> {
        let metadata = self.metadata(KNOWN_FOR).await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (url, state, nonce) = self
            .client(&metadata)
            .authorize_url(
                AuthenticationFlow::<CoreResponseType>::AuthorizationCode,
                || CsrfToken::new_random_len(32),
                || Nonce::new_random_len(32),
            )
            .add_scope(Scope::new("profile".to_owned()))
            .add_scope(Scope::new("email".to_owned()))
            .set_pkce_challenge(challenge)
            .url();
        let attempt = Attempt {
            nonce: nonce.secret().clone(),
            verifier: verifier.secret().clone(),
            goal: goal.to_owned(),
            until: now + ATTEMPT_MAX,
        };
        Ok(Beginning { url, state: state.into_secret(), attempt })
    }

    /// Exchanges the code that a browser brought, and checks who it is.
    ///
    /// # Errors
    /// When the provider cannot be asked, or its answer does not hold.
    pub async fn finish(
        &self,
        attempt: Attempt,
        code: String,
        now: Timestamp,
    ) -> Result<Identity, SignInError> {
        let metadata = self.metadata(KNOWN_FOR).await?;
        let untrusted = |error: &dyn std::fmt::Display| SignInError::Untrusted(error.to_string());
        let answer = self
            .client(&metadata)
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|error| untrusted(&error))?
            .set_pkce_verifier(PkceCodeVerifier::new(attempt.verifier))
            .request_async(&self.asking())
            .await
            .map_err(|error| match error {
                openidconnect::RequestTokenError::Request(error) => error,
                other => untrusted(&other),
            })?;
        let token = answer.id_token().ok_or_else(|| untrusted(&"it holds no id token"))?;
        let nonce = Nonce::new(attempt.nonce);
        match self.identity(&metadata, token, &nonce, now) {
            Err(ClaimsVerificationError::SignatureVerification(_)) => {
                // The key may be newer than what is known.
                let metadata = self.metadata(ASK_AGAIN_AFTER).await?;
                self.identity(&metadata, token, &nonce, now)
            }
            other => other,
        }
        .map_err(|error| untrusted(&error))
    }

    /// Where somebody signs out at the provider as well; none when it has no such page.
    pub async fn sign_out(&self, id_token: &str) -> Option<Url> {
        let metadata = self.metadata(KNOWN_FOR).await.ok()?;
        let page = metadata.additional_metadata().end_session_endpoint.as_ref()?;
        let mut url = page.url().clone();
        url.query_pairs_mut()
            .append_pair("id_token_hint", id_token)
            .append_pair("client_id", self.settings.client_id.as_str())
            .append_pair("post_logout_redirect_uri", self.settings.home.as_str());
        Some(url)
    }

    fn client(
        &self,
        metadata: &ProviderMetadataWithLogout,
    ) -> CoreClient<
        openidconnect::EndpointSet,
        openidconnect::EndpointNotSet,
        openidconnect::EndpointNotSet,
        openidconnect::EndpointNotSet,
        openidconnect::EndpointMaybeSet,
        openidconnect::EndpointMaybeSet,
    > {
        let Settings { client_id, client_secret, redirect, .. } = &self.settings;
        CoreClient::from_provider_metadata(
            metadata.clone(),
            client_id.clone(),
            client_secret.clone(),
        )
        .set_redirect_uri(redirect.clone())
    }

    /// Checks a token's signature, issuer, audience, times and nonce.
    fn identity(
        &self,
        metadata: &ProviderMetadataWithLogout,
        token: &CoreIdToken,
        nonce: &Nonce,
        now: Timestamp,
    ) -> Result<Identity, ClaimsVerificationError> {
        let client = self.client(metadata);
        let moment =
            |moment: Timestamp| DateTime::from_timestamp(moment.as_second(), 0).unwrap_or_default();
        // A token that ended less than the skew ago, or begins within it, holds.
        let latest_issue = moment(now + SKEW);
        let verifier = client
            .id_token_verifier()
            .set_time_fn(move || moment(now - SKEW))
            .set_issue_time_verifier_fn(move |issued| match issued <= latest_issue {
                true => Ok(()),
                false => Err("it was issued in the future".to_owned()),
            });
        let claims = token.claims(&verifier, nonce)?;
        let subject = claims.subject().to_string();
        let name = claims.name().and_then(|name| name.get(None)).map(|name| name.to_string());
        let name = name.or_else(|| claims.email().map(|email| email.to_string()));
        // Its signature was just checked.
        let id_token = token.to_string();
        let groups = groups(&id_token, &self.settings.claim);
        Ok(Identity {
            name: one_line(name.as_deref().unwrap_or(&subject)),
            subject,
            groups,
            id_token,
        })
    }

    /// What the provider says of itself, its keys among it, no older than this.
    async fn metadata(
        &self,
        at_most: Duration,
    ) -> Result<Arc<ProviderMetadataWithLogout>, SignInError> {
        let mut known = self.known.lock().await;
        let recent = known.as_ref().filter(|(_, asked)| asked.elapsed() < at_most);
        if let Some((metadata, _)) = recent {
            return Ok(Arc::clone(metadata));
        }
        let issuer = self.settings.issuer.clone();
        let asked = ProviderMetadataWithLogout::discover_async(issuer, &self.asking()).await;
        let metadata = asked.map_err(|error| match error {
            openidconnect::DiscoveryError::Request(error) => error,
            other => SignInError::Untrusted(other.to_string()),
        })?;
        let metadata = Arc::new(metadata);
        *known = Some((Arc::clone(&metadata), Instant::now()));
        Ok(metadata)
    }

    /// Questions to the provider. Each owns what it needs, else none could move between threads.
    fn asking(&self) -> impl Fn(HttpRequest) -> Asking + use<> {
        let http = self.http.clone();
        move |request| Box::pin(ask(http.clone(), request))
    }
}

/// One question to the provider. Redirects are not followed: they could lead inside.
async fn ask(http: Http, request: HttpRequest) -> Result<HttpResponse, SignInError> {
    let failed = |error: &dyn std::fmt::Display| SignInError::Unreachable(error.to_string());
    let request = request.map(|body| Full::new(Bytes::from(body)));
    let answer = async {
        let answer = http.request(request).await.map_err(|error| failed(&error))?;
        let (parts, body) = answer.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| failed(&error))?.to_bytes().to_vec();
        Ok(HttpResponse::from_parts(parts, body))
    };
    timeout(ANSWER_WITHIN, answer).await.map_err(|_| failed(&"it takes too long"))?
}

/// The values of a claim, one or a list, of a token whose signature was checked.
fn groups(id_token: &str, claim: &str) -> Vec<String> {
    let payload = id_token.split('.').nth(1).and_then(|it| URL_SAFE_NO_PAD.decode(it).ok());
    let claims: Option<Value> = payload.and_then(|it| serde_json::from_slice(&it).ok());
    match claims.as_ref().and_then(|claims| claims.get(claim)) {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(all)) => {
            all.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect()
        }
        _ => Vec::new(),
    }
}

/// A name as records can hold it.
fn one_line(name: &str) -> String {
    const CHARS_MAX: usize = 100;
    let clean = name.chars().map(|c| if c.is_control() { ' ' } else { c });
    clean.take(CHARS_MAX).collect::<String>().trim().to_owned()
}
