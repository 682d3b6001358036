use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use axum::{Router, http::HeaderValue, routing::get};
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::*;

const SIGNER: &str = "arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/app/review/0123";
const NOW: i64 = 1_795_338_840;

/// A load balancer: its key, published as AWS does.
struct Balancer {
    key: EcdsaKeyPair,
    oidc: Oidc,
}

impl Balancer {
    async fn new() -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let der = AsDer::<PublicKeyX509Der<'_>>::as_der(key.public_key()).unwrap();
        let text = BASE64_STANDARD.encode(der.as_ref());
        let lines: Vec<_> = text.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let keys_url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let router = Router::new().route("/key-1", get(move || async { pem }));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let config = OidcConfig { signer: SIGNER.to_owned(), keys_url };
        Self { key, oidc: Oidc::new(config) }
    }

    /// With padding, as AWS writes it.
    fn claim(&self, head: &Value, claims: &Value) -> String {
        let signed = [head, claims].map(|part| BASE64_URL_SAFE.encode(part.to_string())).join(".");
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", BASE64_URL_SAFE.encode(signature.as_ref()))
    }

    async fn address(&self, token: &str) -> Result<String, NotLoggedIn> {
        let headers = [(HEADER.parse().unwrap(), HeaderValue::from_str(token).unwrap())];
        self.oidc.address(&headers.into_iter().collect(), Timestamp::from_second(NOW).unwrap()).await
    }
}

fn head() -> Value {
    json!({ "typ": "JWT", "alg": "ES256", "kid": "key-1", "signer": SIGNER, "iss": "https://idp", "client": "c", "exp": NOW + 60 })
}

fn claims() -> Value {
    json!({ "sub": "1", "email": "dana@example.com", "email_verified": "true", "exp": NOW + 60, "iss": "https://idp" })
}

fn with(mut value: Value, name: &str, changed: Value) -> Value {
    value[name] = changed;
    value
}

#[tokio::test]
async fn a_login_that_our_load_balancer_signed_just_now_counts_and_no_other() {
    let balancer = Balancer::new().await;
    let check = async |head: Value, claims: Value, expected: Result<&str, NotLoggedIn>| {
        let address = balancer.address(&balancer.claim(&head, &claims)).await;
        assert_eq!(address, expected.map(str::to_owned), "{head} {claims}");
    };
    check(head(), claims(), Ok("dana@example.com")).await;
    check(head(), with(claims(), "email_verified", json!(true)), Ok("dana@example.com")).await;
    check(head(), with(claims(), "email_verified", json!("false")), Err(NotLoggedIn::Address)).await;
    check(head(), with(claims(), "email", Value::Null), Err(NotLoggedIn::Address)).await;
    check(head(), with(claims(), "exp", json!(NOW)), Err(NotLoggedIn::Expired)).await;
    check(with(head(), "alg", json!("none")), claims(), Err(NotLoggedIn::Form)).await;
    check(with(head(), "alg", json!("HS256")), claims(), Err(NotLoggedIn::Form)).await;
    check(with(head(), "kid", json!("../x")), claims(), Err(NotLoggedIn::Form)).await;
    check(with(head(), "kid", json!("key-2")), claims(), Err(NotLoggedIn::Key)).await;
    let other = SIGNER.replace("0123", "4567");
    check(with(head(), "signer", json!(other)), claims(), Err(NotLoggedIn::Signer)).await;
}

#[tokio::test]
async fn a_claim_that_was_changed_or_signed_by_another_is_refused() {
    let (balancer, another) = (Balancer::new().await, Balancer::new().await);
    assert_eq!(balancer.address(&another.claim(&head(), &claims())).await, Err(NotLoggedIn::Signature));
    let good = balancer.claim(&head(), &claims());
    let lee = BASE64_URL_SAFE.encode(with(claims(), "email", json!("lee@example.com")).to_string());
    let parts: Vec<_> = good.split('.').collect();
    let changed = format!("{}.{lee}.{}", parts[0], parts[2]);
    assert_eq!(balancer.address(&changed).await, Err(NotLoggedIn::Signature));
    for bad in ["", "x", "a.b", &good[..good.len() - 8], &format!("{}.{}.", parts[0], parts[1])] {
        assert!(balancer.address(bad).await.is_err(), "{bad:?}");
    }
    let headers = HeaderMap::new();
    assert_eq!(balancer.oidc.address(&headers, Timestamp::UNIX_EPOCH).await, Err(NotLoggedIn::Missing));
}

#[test]
fn the_keys_are_where_aws_publishes_those_of_the_region() {
    let config = OidcConfig::new(SIGNER.to_owned(), None).unwrap();
    assert_eq!(config.keys_url.with("k"), "https://public-keys.auth.elb.eu-west-1.amazonaws.com/k");
    assert!(OidcConfig::new("review".to_owned(), None).is_err());
}
