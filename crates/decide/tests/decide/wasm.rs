//! A module says the same bits as the native models, under an interpreter that is not ours.

use crate::forest::{grown, kinds, values};
use millstream_decide::first_pass::fact_feature;
use millstream_decide::forest::Forest;
use millstream_decide::train::generator::{Planted, generate};
use millstream_decide::train::item_item;
use millstream_decide::wasm::{SECTION, module};
use millstream_decide::{Candidate, Context, Fact, FirstPass, ItemId, Profile, Seen};
use millstream_event::Timestamp;
use proptest::prelude::*;
use wasmi::{Engine, Instance, Linker, Memory, Module, Store, TypedFunc};

/// A module at work.
struct Running {
    store: Store<()>,
    instance: Instance,
}

impl Running {
    fn of(bytes: &[u8]) -> Self {
        let engine = Engine::default();
        let module = Module::new(&engine, bytes).unwrap();
        assert_eq!(module.imports().count(), 0, "it stands alone");
        let mut store = Store::new(&engine, ());
        let instance = Linker::new(&engine).instantiate_and_start(&mut store, &module).unwrap();
        Self { store, instance }
    }

    fn call<A: wasmi::WasmParams, R: wasmi::WasmResults>(&mut self, name: &str, given: A) -> R {
        let function: TypedFunc<A, R> = self.instance.get_typed_func(&self.store, name).unwrap();
        function.call(&mut self.store, given).unwrap()
    }

    fn number(&self, name: &str) -> usize {
        let global = self.instance.get_global(&self.store, name).unwrap();
        usize::try_from(global.get(&self.store).i32().unwrap()).unwrap()
    }

    fn rank(&mut self, features: &[f32]) -> i64 {
        let memory: Memory = self.instance.get_memory(&self.store, "memory").unwrap();
        let input = self.number("input");
        let bytes: Vec<u8> = features.iter().flat_map(|value| value.to_le_bytes()).collect();
        memory.write(&mut self.store, input, &bytes).unwrap();
        self.call("rank", i32::try_from(input).unwrap())
    }

    fn score(&mut self, candidate: &Candidate) -> i64 {
        self.call("score", (candidate.item.0 as i64, i32::from(candidate.prior)))
    }
}

fn any_bits() -> impl Strategy<Value = f32> {
    prop_oneof![3 => values(), 1 => any::<u32>().prop_map(f32::from_bits)]
}

proptest! {
    #[test]
    fn trees_score_the_same_bits(
        leaves in 1_usize..60,
        trees in prop::collection::vec(
            prop::collection::vec((0_usize..5, -12_i32..12, any::<bool>()), 60), 1..8),
        missing in prop::collection::vec(kinds(), 5),
        items in prop::collection::vec(prop::collection::vec(any_bits(), 5), 1..20),
    ) {
        let trees: Vec<_> = trees.iter().map(|draws| grown(leaves, 5, draws, &missing)).collect();
        let forest = Forest::new(5, &trees).unwrap();
        let mut running = Running::of(&module(None, Some(&forest), b"").unwrap());
        prop_assert_eq!(running.number("features"), 5);
        let native = forest.scores(items.iter().map(Vec::as_slice));
        for (item, score) in items.iter().zip(native) {
            prop_assert_eq!(running.rank(item), score);
        }
    }

    #[test]
    fn first_passes_score_the_same_bits(
        rows in prop::collection::vec((0_u64..30, prop::collection::btree_map(0_u64..30, any::<i8>(), 0..20)), 1..20),
        seen in prop::collection::vec((0_u64..40, any::<u8>()), 0..20),
        facts in prop::collection::btree_set(0_u8..6, 0..4),
        priors in prop::collection::vec(any::<i8>(), 40),
    ) {
        // Facts share the rows of items, so that they weigh something.
        let name = |fact: u8| format!("fact-{fact}");
        let feature = |n: u64| match u8::try_from(n) {
            Ok(fact) if fact < 6 => fact_feature(&name(fact), &Fact::Truth(true)).unwrap(),
            _ => ItemId(n.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        };
        let rows: Vec<_> = rows.iter().map(|(of, row)| {
            (feature(*of), row.iter().map(|(item, weight)| (feature(*item), *weight)).collect())
        }).collect();
        let model = FirstPass::new(rows);
        let seen: Vec<Seen> = seen.iter().map(|(item, weight)| {
            Seen { item: feature(*item), weight: *weight, at: Timestamp(0) }
        }).collect();
        let profile = Profile { seen, ..Profile::default() };
        let mut context = Context::default();
        context.facts.extend(facts.iter().map(|fact| (name(*fact).into(), Fact::Truth(true))));
        let candidates: Vec<Candidate> = priors.iter().zip(0_u64..).map(|(prior, n)| {
            Candidate { item: feature(n), prior: *prior, ..Candidate::default() }
        }).collect();
        let asked: Vec<&Candidate> = candidates.iter().collect();
        let mut running = Running::of(&module(Some(&model), None, b"").unwrap());
        for _ in 0..2 {
            running.call::<_, ()>("clear", ());
            for seen in &profile.seen {
                running.call::<_, ()>("see", (seen.item.0 as i64, i32::from(seen.weight)));
            }
            for fact in &facts {
                let feature = fact_feature(&name(*fact), &Fact::Truth(true)).unwrap();
                running.call::<_, ()>("fact", feature.0 as i64);
            }
            for (candidate, score) in asked.iter().zip(model.scores(&profile, &context, &asked)) {
                prop_assert_eq!(running.score(candidate), score);
            }
        }
    }
}

#[test]
fn a_trained_model_fits_a_browser_and_says_what_it_is() {
    let shop = Planted { items: 300, topic: 30, ..Planted::default() };
    let model = FirstPass::new(item_item(&generate(&shop, 3_000, 5)));
    let bytes = module(Some(&model), None, b"{\"version\":7}").unwrap();
    assert!(bytes.len() < 100_000, "{} bytes", bytes.len());
    let module = Module::new(&Engine::default(), &bytes).unwrap();
    let told: Vec<_> = module.custom_sections().map(|it| (it.name(), it.data())).collect();
    assert_eq!(told, [(SECTION, &b"{\"version\":7}"[..])]);
}

#[test]
fn nothing_to_score_with_is_no_module() {
    assert!(module(None, None, b"").is_none());
    assert!(module(Some(&FirstPass::default()), None, b"").is_none());
}
