use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Router,
    http::{HeaderValue, StatusCode, Uri},
    routing::get,
};
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Notify};

use super::*;

const SIGNER: &str = "arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/app/review/0123";
const NOW: i64 = 1_795_338_840;

/// A load balancer: its key, published as AWS does.
struct Balancer {
    key: EcdsaKeyPair,
    oidc: Oidc,
    /// Each fetch of `slow…`, which is answered when its turn comes, and then in vain.
    fetches: Arc<AtomicUsize>,
    /// Most of them at once.
    most: Arc<AtomicUsize>,
    turn: Arc<Notify>,
}

impl Balancer {
    async fn new() -> Self {
        Self::trusting(false).await
    }

    async fn trusting(trust_email: bool) -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let der = AsDer::<PublicKeyX509Der<'_>>::as_der(key.public_key()).unwrap();
        let text = BASE64_STANDARD.encode(der.as_ref());
        let lines: Vec<_> = text.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let keys_url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let (fetches, most, turn) =
            (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default(), Arc::<Notify>::default());
        let (counted, at_most, waiting) = (fetches.clone(), most.clone(), turn.clone());
        let at_once = Arc::<AtomicUsize>::default();
        let other = move |uri: Uri| {
            let (counted, at_most, waiting, at_once) =
                (counted.clone(), at_most.clone(), waiting.clone(), at_once.clone());
            async move {
                if uri.path().starts_with("/slow") {
                    at_most.fetch_max(at_once.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    counted.fetch_add(1, Ordering::SeqCst);
                    waiting.notified().await;
                    at_once.fetch_sub(1, Ordering::SeqCst);
                }
                StatusCode::NOT_FOUND
            }
        };
        let router = Router::new().route("/key-1", get(move || async { pem })).fallback(other);
        tokio::spawn(async move { axum::serve(listener, router).await });
        let config = OidcConfig { signer: SIGNER.to_owned(), keys_url, trust_email };
        Self { key, oidc: Oidc::new(config), fetches, most, turn }
    }

    /// With padding, as AWS writes it.
    fn claim(&self, head: &Value, claims: &Value) -> String {
        let signed = [head, claims].map(|part| BASE64_URL_SAFE.encode(part.to_string())).join(".");
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", BASE64_URL_SAFE.encode(signature.as_ref()))
    }

    async fn address(&self, token: &str) -> Result<String, NotLoggedIn> {
        self.address_after(0, token).await
    }

    async fn address_after(&self, seconds: i64, token: &str) -> Result<String, NotLoggedIn> {
        let headers = [(HEADER.parse().unwrap(), HeaderValue::from_str(token).unwrap())];
        self.oidc.address(&headers.into_iter().collect(), Timestamp::from_second(NOW + seconds).unwrap()).await
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

#[tokio::test]
async fn an_address_counts_only_where_somebody_vouches_for_it() {
    let (careful, trusting) = (Balancer::new().await, Balancer::trusting(true).await);
    let check = async |verified: Value, by_claim: bool, by_setting: bool| {
        let mut claims = with(claims(), "email_verified", verified.clone());
        if verified.is_null() {
            claims.as_object_mut().unwrap().remove("email_verified");
        }
        let believed = async |balancer: &Balancer| balancer.address(&balancer.claim(&head(), &claims)).await.is_ok();
        assert_eq!((believed(&careful).await, believed(&trusting).await), (by_claim, by_setting), "{verified}");
    };
    check(json!(true), true, true).await;
    check(json!("true"), true, true).await;
    check(json!(false), false, false).await;
    check(json!("false"), false, false).await;
    check(Value::Null, false, true).await;
}

#[tokio::test]
async fn a_slow_key_holds_up_nobody_else_and_is_not_asked_for_again_at_once() {
    let balancer = Balancer::new().await;
    let (good, slow) =
        (balancer.claim(&head(), &claims()), balancer.claim(&with(head(), "kid", json!("slow")), &claims()));
    balancer.address(&good).await.unwrap();
    let waiting = balancer.address(&slow);
    let meanwhile = async {
        while balancer.fetches.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        let logged_in = balancer.address(&good).await;
        balancer.turn.notify_one();
        logged_in
    };
    let (refused, logged_in) = tokio::join!(waiting, meanwhile);
    assert_eq!((refused, logged_in), (Err(NotLoggedIn::Key), Ok("dana@example.com".to_owned())));

    assert_eq!(balancer.address_after(4, &slow).await, Err(NotLoggedIn::Key));
    assert_eq!(balancer.fetches.load(Ordering::SeqCst), 1, "it failed just now");
    balancer.turn.notify_one();
    assert_eq!(balancer.address_after(9, &slow).await, Err(NotLoggedIn::Key));
    assert_eq!(balancer.fetches.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_key_that_failed_slowly_is_not_asked_for_again_until_seconds_after_its_failure() {
    let balancer = Balancer::new().await;
    let slow = balancer.claim(&with(head(), "kid", json!("slow")), &claims());
    let meanwhile = async {
        while balancer.fetches.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(2)).await;
        tokio::time::resume();
        balancer.turn.notify_one();
    };
    tokio::join!(balancer.address(&slow), meanwhile).0.unwrap_err();
    balancer.address_after(6, &slow).await.unwrap_err();
    assert_eq!(balancer.fetches.load(Ordering::SeqCst), 1, "it failed four seconds ago");
}

#[tokio::test]
async fn however_many_unknown_keys_are_named_few_are_fetched_at_once() {
    const NAMED: usize = 20;
    let balancer = Arc::new(Balancer::new().await);
    let mut asking = tokio::task::JoinSet::new();
    for number in 0..NAMED {
        let slow = balancer.claim(&with(head(), "kid", json!(format!("slow-{number}"))), &claims());
        let balancer = balancer.clone();
        asking.spawn(async move { balancer.address(&slow).await });
    }
    while balancer.fetches.load(Ordering::SeqCst) < FETCHES {
        tokio::task::yield_now().await;
    }
    while !asking.is_empty() {
        balancer.turn.notify_one();
        tokio::task::yield_now().await;
        while let Some(refused) = asking.try_join_next() {
            assert_eq!(refused.unwrap(), Err(NotLoggedIn::Key));
        }
    }
    let [fetched, at_once] = [&balancer.fetches, &balancer.most].map(|count| count.load(Ordering::SeqCst));
    assert_eq!((fetched, at_once), (NAMED, FETCHES));
}

#[test]
fn the_keys_are_where_aws_publishes_those_of_the_region() {
    let config = OidcConfig::new(SIGNER.to_owned(), None, false).unwrap();
    assert_eq!(config.keys_url.with("k"), "https://public-keys.auth.elb.eu-west-1.amazonaws.com/k");
    assert!(OidcConfig::new("review".to_owned(), None, false).is_err());
}
