//! How often an execution is looked at for one lost token.
//!
//! Between tokens every tick finds the token lost again, and an account may describe 15 executions and read 20 histories a
//! second: a thousand reviews that nobody serves for an hour would use up both. So an answer that changed nothing is asked
//! for again after two ticks, then four, up to sixteen. A new token, and an answer that changes the round, start anew.
//!
//! No state of a review: it is in memory only, per worker, and forgetting it costs one question too many.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use holdpoint_review::{ExecutionFacts, ReviewId, Round};
use tokio::time::Instant;

const FIRST_PAUSE_TICKS: u32 = 2;
const LONGEST_PAUSE_TICKS: u32 = 16;

/// What was asked in vain.
#[derive(Debug, Default)]
pub(super) struct Asked(
    /// Guards each entry's counting up; held for no call.
    Mutex<HashMap<LostToken, Asking>>,
);

/// Review, round, generation, and whether the round is open: a closed one asks another question.
type LostToken = (ReviewId, u32, u32, bool);

#[derive(Debug)]
struct Asking {
    /// None where Step Functions did not answer.
    facts: Option<ExecutionFacts>,
    at: Instant,
    pause: Duration,
}

impl Asked {
    pub(super) fn is_due(&self, round: &Round, now: Instant) -> bool {
        self.lock().get(&token_of(round)).is_none_or(|asking| now >= asking.at + asking.pause)
    }

    /// Notes an answer that changed nothing; whether it is another one than before.
    pub(super) fn in_vain(&self, round: &Round, facts: Option<ExecutionFacts>, tick: Duration, now: Instant) -> bool {
        let mut asked = self.lock();
        // What is long due is asked for no more: the round has another token, or ended.
        asked.retain(|_, asking| now < asking.at + asking.pause * 2);
        let before = asked.get(&token_of(round));
        let pause = before.map_or(tick * FIRST_PAUSE_TICKS, |asking| asking.pause * 2).min(tick * LONGEST_PAUSE_TICKS);
        let is_news = before.is_none_or(|asking| asking.facts != facts);
        asked.insert(token_of(round), Asking { facts, at: now, pause });
        is_news
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<LostToken, Asking>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn token_of(round: &Round) -> LostToken {
    (round.review_id.clone(), round.round, round.generation(), round.is_open())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::{input, opened};

    const TICK: Duration = Duration::from_mins(1);
    const FACTS: ExecutionFacts = ExecutionFacts {
        running: true,
        history_is_whole: false,
        answered_by_us: false,
        answered_by_another: false,
        later_round: false,
    };

    #[test]
    fn what_was_asked_in_vain_is_asked_again_after_a_pause_that_grows() {
        let (asked, round) = (Asked::default(), opened(&input("first", 0)));
        let start = Instant::now();
        let asked_at = (0..120).filter(|minute| {
            let now = start + TICK * *minute;
            let due = asked.is_due(&round, now);
            if due {
                asked.in_vain(&round, Some(FACTS), TICK, now);
            }
            due
        });
        assert_eq!(asked_at.collect::<Vec<_>>(), [0, 2, 6, 14, 30, 46, 62, 78, 94, 110]);
    }

    #[test]
    fn only_another_answer_is_news_and_another_round_is_asked_at_once() {
        let (asked, now) = (Asked::default(), Instant::now());
        let round = opened(&input("first", 0));
        assert!(asked.in_vain(&round, Some(FACTS), TICK, now));
        assert!(!asked.in_vain(&round, Some(FACTS), TICK, now));
        assert!(asked.in_vain(&round, None, TICK, now));
        assert!(asked.in_vain(&round, Some(FACTS), TICK, now));
        let mut other = round.clone();
        other.round = 2;
        assert!(asked.is_due(&other, now) && !asked.is_due(&round, now));
        asked.in_vain(&other, None, TICK, now + TICK * 60);
        assert_eq!(asked.lock().len(), 1, "what is long due is forgotten");
    }
}
