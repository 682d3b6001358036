//! Links in messages: sealed for one round and one reader, personal in a mail, of the channel on Slack.

use holdpoint_platform::{WebUrl, nonce};
use holdpoint_review::{Channel, Holder, Link, LinkKeys, Round};

use crate::Config;

/// Makes links.
#[derive(Clone)]
pub(crate) struct Links {
    keys: LinkKeys,
    public_url: WebUrl,
}

/// A sealed link: whoever has it may do what its holder may.
pub(crate) struct SealedLink {
    /// For the value of a button.
    pub(crate) sealed: String,
    /// For people.
    pub(crate) url: String,
}

impl Links {
    pub(crate) fn new(config: &Config) -> Self {
        Self { keys: config.common.link_keys.clone(), public_url: config.common.public_url.clone() }
    }

    /// The link for a reader of this channel.
    pub(crate) fn for_channel(&self, round: &Round, channel: &Channel) -> SealedLink {
        self.seal(&Link::of(round, channel))
    }

    /// A link that only shows, for a message that may be passed on: the round is closed, but its reviewers' other rounds are not.
    pub(crate) fn for_looking(&self, round: &Round, channel: &Channel) -> SealedLink {
        self.seal(&Link { holder: Holder::Viewer, ..Link::of(round, channel) })
    }

    /// The way to all that a reader of this channel may decide; where that is nothing, to this one.
    pub(crate) fn for_all(&self, round: &Round, channel: &Channel) -> String {
        let url = self.for_channel(round, channel).url;
        if Holder::of(round, channel) == Holder::Viewer { url } else { format!("{url}/reviews") }
    }

    fn seal(&self, link: &Link) -> SealedLink {
        let sealed = self.keys.seal(link, nonce());
        let url = self.public_url.with(&format!("r/{sealed}"));
        SealedLink { sealed, url }
    }
}
