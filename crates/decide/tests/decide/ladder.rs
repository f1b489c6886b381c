//! Each rung is produced by its named fault, and says so.

use crate::shop::{
    Clock, Everything, NOW, artefacts, context, decision, device, exploring, healthy, seen,
    use_case,
};
use millstream_decide::course::{self, Outcome};
use millstream_decide::{
    Architecture, Artefacts, Ask, Context, Governor, Profile, ProfilesError, Reason, Routes, Rung,
    Sources, Stage, Treatment, UseCase, Visitor,
};

fn run(
    use_case: &UseCase,
    visitor: Visitor,
    (everything, artefacts): (&Everything<'_>, &Artefacts),
    context: &Context,
) -> Outcome {
    let ask = Ask {
        use_case,
        visitor,
        context,
        candidates: &use_case.candidates,
        decision: decision(1),
        now: NOW,
        treatment: &Treatment::NONE,
    };
    let sources = Sources {
        profiles: everything,
        shelf: everything,
        rules: everything,
        artefacts,
        routes: &Routes::default(),
    };
    let limits = Governor::new(use_case).limits(false);
    course::run(&ask, sources, &limits, &Clock::default(), &mut |_| {})
}

#[track_caller]
fn check(outcome: &Outcome, rung: Rung, cause: Reason, choice: &str) {
    let answer = &outcome.answer;
    let found = (answer.rung, answer.reasons.cause(), answer.choice());
    assert_eq!(found, (rung, Some(cause), Some(choice)), "{answer:?}");
}

#[test]
fn a_healthy_course_is_personal() {
    let all = artefacts();
    let outcome = run(
        &UseCase { stages: Vec::new(), ..use_case(150) },
        Visitor::Known(device()),
        (&healthy(&|_| {}), &all),
        &context("DE"),
    );
    check(&outcome, Rung::Personalized, Reason::Profile, "scarf");
    assert_eq!(outcome.answer.profile_age.map(|age| age.0), Some(0));
}

#[test]
fn a_dead_profile_store_leaves_what_was_kept() {
    let dead = Everything {
        profile: Err(ProfilesError("down".into())),
        kept: Some(vec!["gone".into(), "boots".into()]),
        ..healthy(&|_| {})
    };
    let outcome =
        run(&use_case(150), Visitor::Known(device()), (&dead, &artefacts()), &context("DE"));
    check(&outcome, Rung::Cached, Reason::ProfileUnavailable, "boots");
}

#[test]
fn nothing_kept_leaves_the_segment_and_an_unknown_one_everybody() {
    let dead = Everything { profile: Err(ProfilesError("down".into())), ..healthy(&|_| {}) };
    let visitor = Visitor::Known(device());
    let outcome = run(&use_case(150), visitor, (&dead, &artefacts()), &context("DE"));
    check(&outcome, Rung::Segment, Reason::ProfileUnavailable, "socks");
    let outcome = run(&use_case(150), visitor, (&dead, &artefacts()), &context("FR"));
    check(&outcome, Rung::Segment, Reason::ProfileUnavailable, "boots");
}

#[test]
fn no_artefact_leaves_the_context() {
    let dead = Everything { profile: Err(ProfilesError("down".into())), ..healthy(&|_| {}) };
    let visitor = Visitor::Known(device());
    let outcome = run(&use_case(150), visitor, (&dead, &Artefacts::default()), &context("DE"));
    check(&outcome, Rung::Contextual, Reason::ProfileUnavailable, "boots");
}

#[test]
fn nothing_to_choose_from_leaves_the_default() {
    let all = artefacts();
    let none = UseCase { candidates: Vec::new(), ..use_case(150) };
    let visitor = Visitor::Known(device());
    let outcome = run(&none, visitor, (&healthy(&|_| {}), &all), &context("DE"));
    check(&outcome, Rung::Default, Reason::NoCandidates, "welcome");
    let barred = Everything { eligible: |_| Some(false), ..healthy(&|_| {}) };
    let outcome = run(&use_case(150), visitor, (&barred, &all), &context("DE"));
    check(&outcome, Rung::Default, Reason::NothingEligible, "welcome");
}

#[test]
fn a_rule_that_fails_lets_nothing_through() {
    let broken = Everything {
        eligible: |candidate| (&*candidate.name != "scarf").then_some(true),
        ..healthy(&|_| {})
    };
    let visitor = Visitor::Known(device());
    let outcome = run(&use_case(150), visitor, (&broken, &artefacts()), &context("DE"));
    assert!(outcome.answer.ranking.iter().all(|ranked| &*ranked.name != "scarf"));
    assert!(outcome.answer.reasons.iter().any(|reason| reason == Reason::RuleFailed));
}

#[test]
fn without_consent_nothing_of_the_visitor_is_read() {
    let unread = |stage| assert_ne!(stage, Stage::Profile, "the profile was read");
    let private = Everything { kept: Some(vec!["hat".into()]), ..healthy(&unread) };
    let all = artefacts();
    let outcome = run(&use_case(150), Visitor::Private, (&private, &all), &context("DE"));
    check(&outcome, Rung::Segment, Reason::NoConsent, "socks");
    let denied = Profile { denied: true, ..seen(&["hat"]) };
    let chose =
        Everything { profile: Ok(denied), kept: Some(vec!["hat".into()]), ..healthy(&|_| {}) };
    let outcome = run(&use_case(150), Visitor::Known(device()), (&chose, &all), &context("DE"));
    check(&outcome, Rung::Segment, Reason::NoConsent, "socks");
}

#[test]
fn unknown_cold_and_held_out_visitors_are_named() {
    let all = artefacts();
    let cold = Everything { profile: Ok(Profile::default()), ..healthy(&|_| {}) };
    for (visitor, cause) in [
        (Visitor::Unknown, Reason::UnknownVisitor),
        (Visitor::HeldOut, Reason::Holdout),
        (Visitor::Known(device()), Reason::ColdStart),
    ] {
        let outcome = run(&use_case(150), visitor, (&cold, &all), &context("DE"));
        check(&outcome, Rung::Segment, cause, "socks");
    }
}

#[test]
fn the_architectures_read_what_they_say() {
    let all = artefacts();
    let visitor = Visitor::Known(device());
    let batch = UseCase { architecture: Architecture::Batch, ..use_case(150) };
    let stored = Everything { kept: Some(vec!["hat".into()]), ..healthy(&|_| {}) };
    check(
        &run(&batch, visitor, (&stored, &all), &context("DE")),
        Rung::Cached,
        Reason::Stored,
        "hat",
    );
    check(
        &run(&batch, visitor, (&healthy(&|_| {}), &all), &context("DE")),
        Rung::Segment,
        Reason::ColdStart,
        "socks",
    );
    // Everything was seen in this very session: at its start nothing was known.
    let session = UseCase { architecture: Architecture::Session, ..use_case(150) };
    check(
        &run(&session, visitor, (&healthy(&|_| {}), &all), &context("DE")),
        Rung::Segment,
        Reason::ColdStart,
        "socks",
    );
}

#[test]
fn a_ladder_without_a_rung_never_answers_from_it() {
    let all = artefacts();
    let bare = UseCase { ladder: vec![Rung::Contextual], ..use_case(150) };
    let outcome = run(&bare, Visitor::Known(device()), (&healthy(&|_| {}), &all), &context("DE"));
    check(&outcome, Rung::Contextual, Reason::Ladder, "boots");
}

#[test]
fn one_group_does_not_fill_the_answer() {
    let capped = UseCase { group_max: 1, answer_max: 2, stages: Vec::new(), ..use_case(150) };
    let outcome =
        run(&capped, Visitor::Known(device()), (&healthy(&|_| {}), &artefacts()), &context("DE"));
    let names: Vec<&str> = outcome.answer.ranking.iter().map(|ranked| &*ranked.name).collect();
    assert_eq!(names, ["scarf", "boots"]);
}

#[test]
fn exploration_logs_the_chance_it_drew_from() {
    let all = artefacts();
    let outcome =
        run(&exploring(150), Visitor::Known(device()), (&healthy(&|_| {}), &all), &context("DE"));
    assert!(outcome.answer.propensity > 0.0 && outcome.answer.propensity < 1.0);
}
