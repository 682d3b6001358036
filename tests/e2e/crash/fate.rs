//! Which request of a service is its last one, and whether that has come.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use holdpoint_e2e::{Service, World};
use holdpoint_local::{
    aws::{Request, Verdict},
    gate::Passage,
};

use super::LOOK_AGAIN_AFTER;

/// They differ from run to run, and none of them is a service's last request.
const POLLS: [&str; 2] = ["AmazonSQS.ReceiveMessage", "AWSStepFunctions.GetActivityTask"];

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    Before,
    After,
}

/// The service dies at this request.
#[derive(Debug, Clone)]
pub(super) struct Death {
    pub(super) request: String,
    /// Among the requests of that name, counted from 0: what else is under way comes in any order.
    pub(super) turn: usize,
    pub(super) side: Side,
}

/// What befalls one service of a world.
#[derive(Debug, Clone)]
pub(super) struct Fate {
    pub(super) service: Service,
    death: Option<Death>,
    /// Guards what was seen while one request is judged.
    course: Arc<Mutex<Course>>,
}

#[derive(Debug, Default)]
struct Course {
    seen: Vec<String>,
    /// The last request has come, and the service must die now: until it has, nothing else that it asks for is served.
    strikes: bool,
    /// The service died of it.
    struck: bool,
    /// Nothing more is seen, and nothing befalls the service any more.
    is_over: bool,
}

impl Fate {
    /// Watches the ways out of a service.
    pub(super) fn watch(world: &World, service: Service, death: Option<Death>) -> Self {
        let fate = Self { service, death, course: Arc::default() };
        let observer = fate.clone();
        world.local.aws().faults().on_request(move |request| observer.judge_aws(request));
        let observer = fate.clone();
        world.local.slack.gate().on_request(move |method| observer.judge_slack(method));
        let observer = fate.clone();
        world.local.mail.gate().on_request(move |command| observer.judge(Service::Worker, command));
        fate
    }

    pub(super) fn seen(&self) -> Vec<String> {
        self.course().seen.clone()
    }

    pub(super) fn has_struck(&self) -> bool {
        self.course().struck
    }

    /// Kills the service and starts it again, if its last request has come.
    pub(super) fn befall(&self, world: &mut World) {
        if self.course().strikes {
            world.kill(self.service);
            self.survive();
            world.let_time_pass();
            world.run(self.service);
        }
    }

    /// Ends the watch, so that who looks at the outcome is no part of it; unless the service must die first.
    pub(super) fn ends(&self) -> bool {
        let mut course = self.course();
        course.is_over = !course.strikes;
        course.is_over
    }

    /// Waits until the service must die.
    pub(super) async fn strikes(&self) {
        while !self.course().strikes {
            tokio::time::sleep(LOOK_AGAIN_AFTER).await;
        }
    }

    fn judge_aws(&self, request: &Request) -> Verdict {
        if request.access_key != self.service.name() {
            return Verdict::Serve;
        }
        match self.judge(self.service, &request.action) {
            Passage::Serve => Verdict::Serve,
            // Served an hour late means never: by then its client is dead.
            Passage::Never => Verdict::ServeLate(Duration::from_hours(1)),
            Passage::HoldReply => Verdict::HoldReply,
        }
    }

    /// Slack knows one app; who of ours asks is plain from what is asked.
    fn judge_slack(&self, method: &str) -> Passage {
        let answers_people = matches!(method, "views.open" | "response");
        self.judge(if answers_people { Service::Callback } else { Service::Worker }, method)
    }

    fn judge(&self, service: Service, request: &str) -> Passage {
        if service != self.service {
            return Passage::Serve;
        }
        let mut course = self.course();
        if course.is_over {
            return Passage::Serve;
        }
        if course.strikes {
            return Passage::Never;
        }
        if POLLS.contains(&request) {
            return Passage::Serve;
        }
        let turn = course.seen.iter().filter(|seen| *seen == request).count();
        course.seen.push(request.to_owned());
        let last = self.death.as_ref().filter(|death| death.request == request && death.turn == turn);
        course.strikes = last.is_some();
        last.map_or(Passage::Serve, |death| match death.side {
            Side::Before => Passage::Never,
            Side::After => Passage::HoldReply,
        })
    }

    /// The service is dead, and what is started in its place is served.
    fn survive(&self) {
        let mut course = self.course();
        course.strikes = false;
        course.struck = true;
    }

    fn course(&self) -> MutexGuard<'_, Course> {
        self.course.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
