//! What shared mode is given on the command line or in the environment.

use std::{fs, path::PathBuf, sync::Arc};

use assay_store::access::Access;
use clap::Args;
use openidconnect::{ClientId, ClientSecret, IssuerUrl, PostLogoutRedirectUrl, RedirectUrl};
use url::Url;

use super::Failure;
use crate::access::{
    Rate, Roles, Shared,
    provider::{Provider, Settings},
};

/// Sign-in, for an assay that other machines reach.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Options of a shared assay")]
pub struct Sharing {
    /// The address that people know assay by, such as https://assay.example.org
    #[arg(long, global = true, env = "ASSAY_PUBLIC_URL", value_name = "URL")]
    public_url: Option<Url>,
    /// The OpenID Connect provider that people sign in at
    #[arg(long, global = true, env = "ASSAY_OIDC_ISSUER", value_name = "URL")]
    oidc_issuer: Option<Url>,
    /// What the provider calls assay
    #[arg(long, global = true, env = "ASSAY_OIDC_CLIENT_ID", value_name = "ID")]
    oidc_client_id: Option<String>,
    /// File with the secret that the provider knows assay by
    #[arg(long, global = true, env = "ASSAY_OIDC_CLIENT_SECRET_FILE", value_name = "FILE")]
    oidc_client_secret_file: Option<PathBuf>,
    /// The claim that roles come from
    #[arg(
        long,
        global = true,
        env = "ASSAY_OIDC_CLAIM",
        value_name = "CLAIM",
        default_value = "roles"
    )]
    oidc_claim: String,
    /// Which of its values give which role; `*` is everybody who can sign in
    #[arg(long, global = true, env = "ASSAY_OIDC_ROLES", value_name = "ROLE=VALUE,..",
          default_value = "viewer=viewer,author=author,reviewer=reviewer",
          value_parser = Roles::parse)]
    oidc_roles: Roles,
}

impl Sharing {
    /// Whether sign-in is asked for.
    pub(super) fn is_wanted(&self) -> bool {
        self.oidc_issuer.is_some()
    }

    /// Sign-in as it is asked for; none when it is not.
    pub(super) fn open(&self, access: Option<Arc<dyn Access>>) -> Result<Option<Shared>, Failure> {
        let Some(issuer) = &self.oidc_issuer else { return Ok(None) };
        let cannot = |why: String| Failure::CannotRun(format!("sign-in cannot be set up: {why}"));
        let missing = |what: &str| cannot(format!("{what} is missing"));
        let access = access.ok_or_else(|| missing("--database (ASSAY_DATABASE_URL)"))?;
        let public = self.public_url.as_ref();
        let public = public.ok_or_else(|| missing("--public-url (ASSAY_PUBLIC_URL)"))?;
        let client_id = self.oidc_client_id.clone();
        let client_id =
            client_id.ok_or_else(|| missing("--oidc-client-id (ASSAY_OIDC_CLIENT_ID)"))?;
        for (name, url) in [("the public address", public), ("the provider's address", issuer)] {
            // Else whoever listens in could sign in.
            if !is_safe(url) {
                return Err(cannot(format!("{name} must begin with https://")));
            }
        }
        if public.path() != "/" || public.query().is_some() {
            return Err(cannot(
                "the public address has no path: assay needs a host of its own".into(),
            ));
        }
        let secret = match &self.oidc_client_secret_file {
            None => None,
            Some(path) => {
                let text = fs::read_to_string(path).map_err(|error| {
                    cannot(format!("{} cannot be read: {error}", path.display()))
                })?;
                Some(ClientSecret::new(text.trim_end().to_owned()))
            }
        };
        let bad = |error: url::ParseError| cannot(error.to_string());
        let redirect = public.join("/sign-in/done").map_err(bad)?;
        let settings = Settings {
            issuer: IssuerUrl::new(issuer.as_str().trim_end_matches('/').to_owned())
                .map_err(bad)?,
            client_id: ClientId::new(client_id),
            client_secret: secret,
            redirect: RedirectUrl::from_url(redirect),
            home: PostLogoutRedirectUrl::from_url(public.clone()),
            claim: self.oidc_claim.clone(),
        };
        let provider = Provider::new(settings)
            .map_err(|error| cannot(format!("the system's certificates: {error}")))?;
        let roles = self.oidc_roles.clone();
        let (sign_ins, strangers) = (Rate::per_second(20), Rate::per_second(20));
        Ok(Some(Shared { provider, access, public: public.clone(), roles, sign_ins, strangers }))
    }
}

/// Whether what goes to an address stays between us and it.
fn is_safe(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && loopback)
}
