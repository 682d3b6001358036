use super::*;

#[test]
fn b31_after_a_rate_limit_the_channel_waits_as_long_as_it_was_told_to() {
    let limited = Undelivered::Limited(Duration::from_secs(7));
    assert_eq!(after_failure(&limited, 1), After::Again(Duration::from_secs(7)));
}

#[test]
fn b40_tries_are_spread_over_an_hour_before_the_dead_letter_queue_gets_it() {
    let failed = || Undelivered::Failed("down".into());
    let mut waited = Duration::ZERO;
    for receives in 1..NOTICE_RECEIVES {
        let After::Again(pause) = after_failure(&failed(), receives) else { panic!("too early") };
        assert!((1..=300).contains(&pause.as_secs()), "{pause:?}");
        waited += pause;
    }
    assert!(waited > Duration::from_mins(55), "{waited:?}");
    assert_eq!(after_failure(&failed(), NOTICE_RECEIVES), After::Leave);
}
