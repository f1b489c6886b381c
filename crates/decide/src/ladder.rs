//! The fallback ladder: where an answer came from, and why not from higher up.

use alloc::string::String;
use alloc::vec::Vec;
use serde::Serialize;

/// Where an answer came from, lowest first: the greater, the closer to the visitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rung {
    /// The configured default, without any computation.
    Default,
    /// Rules and weights of the request's context; nothing of the visitor.
    Contextual,
    /// What is popular among visitors of the same anonymous segment.
    Segment,
    /// An earlier personalized answer, or one computed ahead.
    Cached,
    /// The visitor's profile, now.
    Personalized,
}

impl Rung {
    /// Every rung, highest first: the default ladder.
    pub const ALL: [Self; 5] =
        [Self::Personalized, Self::Cached, Self::Segment, Self::Contextual, Self::Default];

    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Contextual => "contextual",
            Self::Segment => "segment",
            Self::Cached => "cached",
            Self::Personalized => "personalized",
        }
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)+) => {
        /// Why an answer is what it is. The first one is the cause of the rung.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $($(#[$doc])* $name,)+
        }

        impl Reason {
            /// Every reason.
            pub const ALL: [Self; [$($text),+].len()] = [$(Self::$name),+];

            /// The stable name.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

reasons! {
    /// Nothing went wrong: the visitor's profile as streamed.
    Profile = "profile";
    /// The profile as it was when the session began.
    SessionProfile = "session_profile";
    /// The use case is answered ahead, in batch.
    Stored = "stored";
    /// Personalization is not consented to.
    NoConsent = "no_consent";
    /// The request names nobody.
    UnknownVisitor = "unknown_visitor";
    /// The visitor did nothing yet that tells of a preference.
    ColdStart = "cold_start";
    /// The visitor is held out, to measure what personalization is worth.
    Holdout = "holdout";
    /// The profile store failed.
    ProfileUnavailable = "profile_unavailable";
    /// Reading the profile did not fit, or was not back in time.
    ProfileLate = "profile_late";
    /// No model could be used.
    ModelUnavailable = "model_unavailable";
    /// Rules left nothing to choose from.
    NothingEligible = "nothing_eligible";
    /// There is nothing to choose from.
    NoCandidates = "no_candidates";
    /// A rule could not be evaluated: what it guards was left out.
    RuleFailed = "rule_failed";
    /// The time was up before a better answer stood.
    OutOfTime = "out_of_time";
    /// Too many decisions were waiting.
    QueueFull = "queue_full";
    /// The installation protects its critical path.
    Protect = "protect";
    /// The ladder of the use case ends here.
    Ladder = "ladder";
    /// Eligibility did not fit.
    WithoutEligibility = "without_eligibility";
    /// The first pass did not fit.
    WithoutFirstPass = "without_first_pass";
    /// Session neighbours were left out.
    WithoutNeighbours = "without_neighbours";
    /// The heavy ranking was left out.
    WithoutRerank = "without_rerank";
    /// The external service was left out.
    WithoutHttp = "without_http";
    /// The external service was not back in time.
    HttpLate = "http_late";
    /// The external service failed, or answered with nothing that can be used.
    HttpFailed = "http_failed";
    /// The external service failed too often lately, and is left alone for a while.
    HttpOpen = "http_open";
    /// As many questions to the external service are under way as may be.
    HttpBusy = "http_busy";
    /// Nothing was explored.
    WithoutExploration = "without_exploration";
    /// What comes next was not told.
    WithoutHints = "without_hints";
}

/// The reasons of one answer: its cause first, then what was left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reasons(Vec<Reason>);

impl Reasons {
    /// One reason.
    pub fn of(reason: Reason) -> Self {
        Self(alloc::vec![reason])
    }

    /// Adds one, once.
    pub fn add(&mut self, reason: Reason) {
        if !self.0.contains(&reason) {
            self.0.push(reason);
        }
    }

    /// Puts another cause in the place of the first reason.
    pub fn lead(&mut self, reason: Reason) {
        match self.0.first_mut() {
            Some(cause) => *cause = reason,
            None => self.0.push(reason),
        }
    }

    /// The cause.
    pub fn cause(&self) -> Option<Reason> {
        self.0.first().copied()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = Reason> + '_ {
        self.0.iter().copied()
    }

    /// As it stands in answers: names joined by commas.
    pub fn to_text(&self) -> String {
        let names: Vec<&str> = self.0.iter().map(|reason| reason.as_str()).collect();
        names.join(",")
    }
}
