//! OpenID Connect Discovery: from an issuer to its endpoints.
//!
//! Spec: OpenID Connect Discovery 1.0, section 4. Only the endpoints we use are read. The document must name the very
//! issuer it was asked for, or one provider could speak for another.

use serde::Deserialize;

use crate::{FetchError, Url, http::Http};

/// Where a provider does what we need of it.
#[derive(Debug, Clone)]
pub(crate) struct Discovered {
    pub(crate) jwks: Url,
    pub(crate) device_authorization: Option<Url>,
    pub(crate) token: Option<Url>,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    jwks_uri: String,
    device_authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
}

/// Asks `issuer` for its endpoints.
pub(crate) async fn discover(http: &Http, issuer: &str) -> Result<Discovered, FetchError> {
    let address = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let from = Url::parse(&address).ok_or(FetchError::Insecure)?;
    let body = http.get(&from).await?;
    let found: Document = serde_json::from_slice(&body).map_err(|_| FetchError::Unusable("discovery document"))?;
    // MUST (Discovery 4.3): the issuer returned is identical to the one that was asked.
    if found.issuer != issuer {
        return Err(FetchError::Unusable("discovery document: it names another issuer"));
    }
    Ok(Discovered {
        jwks: endpoint(&from, &found.jwks_uri)?,
        device_authorization: found.device_authorization_endpoint.map(|u| endpoint(&from, &u)).transpose()?,
        token: found.token_endpoint.map(|u| endpoint(&from, &u)).transpose()?,
    })
}

/// An https issuer stays https in everything it points to.
fn endpoint(from: &Url, text: &str) -> Result<Url, FetchError> {
    Url::parse(text).filter(|url| url.is_secure() || !from.is_secure()).ok_or(FetchError::Insecure)
}
