//! The open list, and several decided at once.

use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE, Engine};
use holdpoint_platform::now;
use holdpoint_review::{Closing, Round, Verdict, Who, vote};
use jiff::SignedDuration;
use reqwest::StatusCode;
use serde_json::json;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::path};

use crate::world::{Page, ROUTES, World, dana, lee, link_of};

const WITHOUT_LEE: &str = r#"
    [[reviewer]]
    name = "dana"
    mail = "dana@example.com"
    [[route]]
    reviewers = ["dana"]
"#;

/// Three reviews of one cause, one of another, and one that only dana is asked.
fn several(world: &World) -> Vec<Round> {
    let mut rounds: Vec<_> = (0..4).map(|number| world.open_as(&format!("push-{number}"), ROUTES)).collect();
    rounds[3].request.findings[0].text = "ship_date lies before order_date: 3 times".into();
    rounds.push(world.open_as("push-only-dana", WITHOUT_LEE));
    for (number, round) in rounds.iter_mut().enumerate() {
        round.request.title = format!("review number {number}");
        world.store(round);
    }
    rounds
}

fn names(rounds: &[Round]) -> Vec<String> {
    rounds.iter().map(|round| format!("{}/{}", round.review_id, round.round)).collect()
}

async fn choose(world: &World, link: &str, decision: &str, ticked: &[(&str, &str)]) -> Page {
    let list = world.get(&format!("/r/{link}/reviews")).await;
    let form = list.hidden("form");
    let fields = [("decision", decision), ("reason", "half of it is missing"), ("form", &form)];
    let fields: Vec<_> = fields.iter().chain(ticked).copied().collect();
    world.post(&format!("/r/{link}/reviews/confirm"), &fields).await
}

async fn confirm(world: &World, link: &str, decision: &str, asked: &Page, reviews: &[String]) -> Page {
    let form = asked.hidden("form");
    let fields = [("decision", decision), ("reason", "half of it is missing"), ("form", form.as_str())];
    let fields: Vec<_> = fields.into_iter().chain(reviews.iter().map(|name| ("review", name.as_str()))).collect();
    world.post(&format!("/r/{link}/reviews/decide"), &fields).await
}

#[tokio::test]
async fn a_reviewers_link_lists_what_they_were_asked_by_cause_and_nothing_else() {
    let world = World::new().await;
    let rounds = several(&world);
    let list = world.get(&format!("/r/{}/reviews", lee(&rounds[0]))).await;
    assert_eq!(list.status, StatusCode::OK);
    for part in
        ["4 reviews open for you", "amount is … times what it was", "All 3 of this cause", "ship_date lies before"]
    {
        assert!(list.text.contains(part), "{part} in {}", list.text);
    }
    assert!(!list.text.contains("review number 4"), "lee was not asked");
    assert!(!list.text.contains(" checked"), "nothing is chosen beforehand");
    let all = world.get(&format!("/r/{}/reviews", dana(&rounds[0]))).await;
    assert!(all.text.contains("5 reviews open for you") && all.text.contains("review number 4"), "{}", all.text);
    let none = world.get(&format!("/r/{}/reviews?customer=globex", dana(&rounds[0]))).await;
    assert!(none.text.contains("Nothing that is open for you fits"), "{}", none.text);
    let own = all.text.split("href=\"/r/").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    assert!(world.get(&format!("/r/{own}")).await.text.contains("decided by dana"), "each has her own link");
}

#[tokio::test]
async fn several_are_decided_at_once_each_for_itself() {
    let world = World::new().await;
    let rounds = several(&world);
    let link = dana(&rounds[0]);
    let asked = choose(&world, &link, "reject", &[("cause", "amount is … times what it was")]).await;
    assert!(asked.text.contains("Reject 4 reviews?"), "{}", asked.text);
    assert!(rounds.iter().all(|round| world.stored(round) == *round), "the first form only asks");
    let chosen = names(&[rounds[0].clone(), rounds[1].clone(), rounds[2].clone(), rounds[4].clone()]);
    // Somebody else is faster with one of them.
    let lees = vote(&rounds[1], &Who::MailOwner("lee@example.com".into()), Verdict::Approve, None, now());
    world.store(&lees.unwrap().write.unwrap());
    let answer = confirm(&world, &link, "reject", &asked, &chosen).await;
    assert!(answer.text.contains("3 of 4 decisions recorded"), "{}", answer.text);
    assert!(answer.text.contains("Not taken. Approved by lee"), "{}", answer.text);
    let closings: Vec<_> =
        rounds.iter().map(|round| world.stored(round).closing().map(|(closing, _)| closing)).collect();
    let rejected = Some(Closing::Rejected);
    assert_eq!(closings, [rejected, Some(Closing::Approved), rejected, None, rejected]);
}

#[tokio::test]
async fn only_what_was_shown_and_confirmed_is_decided() {
    let world = World::new().await;
    let rounds = several(&world);
    let link = lee(&rounds[0]);
    let ticked = names(&rounds[..1]);
    let asked = choose(&world, &link, "approve", &[("review", &ticked[0])]).await;
    assert!(asked.text.contains("Approve 1 review?"), "{}", asked.text);
    for (decision, reviews) in [("approve", names(&rounds[..2])), ("approve", vec![]), ("reject", ticked.clone())] {
        let answer = confirm(&world, &link, decision, &asked, &reviews).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.text);
    }
    let others = confirm(&world, &dana(&rounds[0]), "approve", &asked, &ticked).await;
    assert_eq!(others.status, StatusCode::FORBIDDEN, "a form of another person");
    let not_hers = choose(&world, &link, "approve", &[("review", &names(&rounds)[4])]).await;
    assert!(not_hers.text.contains("Nothing was chosen"), "{}", not_hers.text);
    let neither = choose(&world, &link, "postpone", &[("review", &ticked[0])]).await;
    assert_eq!(neither.status, StatusCode::BAD_REQUEST);
    assert!(rounds.iter().all(|round| world.stored(round) == *round));
    assert!(confirm(&world, &link, "approve", &asked, &ticked).await.text.contains("Approved by lee"));
}

#[tokio::test]
async fn the_list_opens_to_nobody_else() {
    let world = World::new().await;
    let rounds = several(&world);
    let viewer = link_of(&rounds[0], holdpoint_review::Holder::Viewer);
    assert_eq!(world.get(&format!("/r/{viewer}/reviews")).await.status, StatusCode::FORBIDDEN);
    assert_eq!(world.get("/r/nonsense/reviews").await.status, StatusCode::NOT_FOUND);
    assert_eq!(world.get("/reviews").await.status, StatusCode::NOT_FOUND, "no login is set up");
    let old = world.open_at(now() - SignedDuration::from_hours(25), ROUTES);
    assert_eq!(world.get(&format!("/r/{}/reviews", dana(&old))).await.status, StatusCode::GONE);
    let channel = link_of(&rounds[0], holdpoint_review::Holder::SlackChannel(0));
    let list = world.get(&format!("/r/{channel}/reviews")).await;
    assert!(list.text.contains("4 reviews open for you"), "{}", list.text);
}

const BALANCER: &str = "arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/app/review/0123";

/// What the load balancer adds for who is logged in.
fn login(key: &EcdsaKeyPair, address: &str) -> String {
    let until = now().as_second() + 60;
    let head = json!({ "alg": "ES256", "kid": "key-1", "signer": BALANCER, "exp": until });
    let claims = json!({ "email": address, "email_verified": true, "exp": until });
    let signed = [head, claims].map(|part| BASE64_URL_SAFE.encode(part.to_string())).join(".");
    let signature = key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
    format!("{signed}.{}", BASE64_URL_SAFE.encode(signature.as_ref()))
}

#[tokio::test]
async fn a_login_opens_the_list_of_who_is_logged_in_and_decides_in_that_name() {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let der = AsDer::<PublicKeyX509Der<'_>>::as_der(key.public_key()).unwrap();
    let pem =
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", BASE64_STANDARD.encode(der.as_ref()));
    let published = MockServer::start().await;
    Mock::given(path("/key-1")).respond_with(ResponseTemplate::new(200).set_body_string(pem)).mount(&published).await;
    let settings = [("HOLDPOINT_OIDC_SIGNER", BALANCER), ("HOLDPOINT_OIDC_KEYS_URL", &published.uri())];
    let world = World::with(&settings).await;
    let rounds = several(&world);
    let ask = async |address: &str| {
        let get = world.http.get(world.url("/reviews")).header("x-amzn-oidc-data", login(&key, address));
        Page::of(get.send().await.unwrap()).await
    };
    let list = ask("Lee@example.com").await;
    assert!(list.text.contains("4 reviews open for you"), "{}", list.text);
    let stranger = ask("eve@example.com").await;
    assert!(stranger.text.contains("Nothing is open for you"), "{}", stranger.text);
    assert_eq!(world.get("/reviews").await.status, StatusCode::UNAUTHORIZED, "nobody is logged in");

    let post = async |to: &str, address: &str, form: &[(&str, &str)]| {
        let post = world.http.post(world.url(to)).header("x-amzn-oidc-data", login(&key, address));
        Page::of(post.form(form).send().await.unwrap()).await
    };
    let name = &names(&rounds)[0];
    let chosen = [("decision", "approve"), ("review", name.as_str())];
    let with = |proof: &str| [chosen[0], chosen[1], ("form", proof)].map(|(name, value)| (name, value.to_owned()));
    let proof = with(&list.hidden("form"));
    let form: Vec<_> = proof.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let dana = post("/reviews/confirm", "dana@example.com", &form).await;
    assert_eq!(dana.status, StatusCode::FORBIDDEN, "the form was shown to lee");
    let asked = post("/reviews/confirm", "lee@example.com", &form).await;
    assert_eq!(asked.status, StatusCode::FORBIDDEN, "and is bound to how the login names her: {}", asked.text);
    let asked = post("/reviews/confirm", "Lee@example.com", &form).await;
    let proof = with(&asked.hidden("form"));
    let form: Vec<_> = proof.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let done = post("/reviews/decide", "Lee@example.com", &form).await;
    assert!(done.text.contains("Approved by lee"), "{}", done.text);
    assert_eq!(published.received_requests().await.unwrap().len(), 1, "the key is kept");
}
