//! Pages in a real browser. Where there is none, these tests say nothing; `.ci/run` says so.

use holdpoint_e2e::{
    Options, Service, World,
    browser::{self, Look},
};

const ALL: [Service; 3] = [Service::Analyzer, Service::Worker, Service::Callback];
/// A phone and a desk.
const WIDTHS: [u32; 2] = [390, 1280];

/// One request, one style, no script, and nothing to be scrolled sideways.
fn assert_plain(look: &Look, link: &str, width: u32) {
    let favicon = |address: &&String| !address.ends_with("/favicon.ico");
    let requests: Vec<_> = look.requests.iter().filter(favicon).collect();
    assert_eq!(requests, [link], "nothing else is fetched");
    assert_eq!(look.dialogs, [""; 0], "no script runs");
    assert_eq!(look.styles, 1, "the policy lets the style in");
    assert!(look.width <= width.into(), "{} wide in a window of {width}", look.width);
    for element in ["script", "img", "iframe", "link"] {
        assert!(!look.elements.iter().any(|name| name == element), "{element} in {:?}", look.elements);
    }
}

#[tokio::test]
async fn b28_b37_hostile_data_is_only_text_in_a_browser_and_fits_a_phone() {
    if !browser::is_there() {
        return;
    }
    let world = World::start(&ALL, Options::default()).await;
    world.learn_samples().await;
    let held = world.deliver("<!channel>&<img src=x>.csv", super::hostile::spoiled()).await;
    let link = world.link_of(&world.settled_round(&held).await);
    for width in WIDTHS {
        let look = browser::look(&link, width).await;
        assert_plain(&look, &link, width);
        assert!(look.title.contains("% anomalous"), "{}", look.title);
        assert!(look.text.contains("<img src=x onerror=alert(1)>"), "as text: {}", look.text);
        assert!(!look.text.contains('\u{202e}'), "{}", look.text);
    }
    let list = format!("{link}/reviews");
    let look = browser::look(&list, WIDTHS[0]).await;
    assert_plain(&look, &list, WIDTHS[0]);
    assert!(look.text.contains("1 review open for you"), "{}", look.text);

    world.reject(&link, "spoiled").await;
    world.ended(&held.execution).await.assert_rejected();
    let look = browser::look(&link, WIDTHS[0]).await;
    assert_plain(&look, &link, WIDTHS[0]);
    assert!(look.text.contains("Rejected by dana"), "{}", look.text);
}
