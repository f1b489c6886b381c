//! Models as LightGBM writes them (text, versions 3 and 4): regression and ranking, numeric features.

use alloc::string::String;
use alloc::vec::Vec;
use core::str::FromStr;

/// Most trees of a model.
pub const TREES_MAX: usize = 5_000;
/// Most leaves of a tree.
pub const LEAVES_MAX: usize = 1_024;
/// Most features of a model.
pub const FEATURES_MAX: usize = 4_096;

/// What counts as missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Nothing: NaN is zero.
    None,
    /// Zero.
    Zero,
    /// NaN.
    Nan,
}

/// One split: left when the feature is at most the threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Split {
    /// The feature.
    pub feature: usize,
    /// The threshold.
    pub threshold: f64,
    /// What counts as missing.
    pub missing: Missing,
    /// Where what is missing goes.
    pub missing_left: bool,
    /// A split, or a leaf as `!leaf`.
    pub left: i32,
    /// The same.
    pub right: i32,
}

/// One tree: its splits, the root first, and the values of its leaves.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tree {
    /// Splits; none in a tree of one leaf.
    pub splits: Vec<Split>,
    /// Values.
    pub leaves: Vec<f64>,
}

/// A model.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// How many features it reads.
    pub features: usize,
    /// Its trees.
    pub trees: Vec<Tree>,
}

/// Why a text is no model that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// Not LightGBM's text.
    #[error("this is no LightGBM text model; write it with booster.save_model(file)")]
    Unknown,
    /// A field is missing or broken.
    #[error("tree {tree}: `{field}` is missing or broken; write the model file anew")]
    Field {
        /// The tree.
        tree: usize,
        /// The field.
        field: &'static str,
    },
    /// Something that integers cannot say, or that no ranking needs.
    #[error("{0} cannot be used here; train without")]
    Unsupported(&'static str),
    /// A bound was passed.
    #[error("the model has {found} {what}, over the limit of {limit}; train a smaller one")]
    TooLarge {
        /// Of what.
        what: &'static str,
        /// How many.
        found: usize,
        /// How many are allowed.
        limit: usize,
    },
}

fn within(what: &'static str, found: usize, limit: usize) -> Result<(), ModelError> {
    if found > limit { Err(ModelError::TooLarge { what, found, limit }) } else { Ok(()) }
}

/// The value of `name=` in a block.
fn field<'a>(block: &'a str, name: &str) -> Option<&'a str> {
    block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).map(str::trim)
}

fn list<T: FromStr>(block: &str, tree: usize, name: &'static str) -> Result<Vec<T>, ModelError> {
    let broken = || ModelError::Field { tree, field: name };
    let text = field(block, name).ok_or_else(broken)?;
    let values: Result<Vec<T>, T::Err> = text.split_ascii_whitespace().map(str::parse).collect();
    values.map_err(|_| broken())
}

impl Model {
    /// Reads a model.
    ///
    /// # Errors
    /// See [`ModelError`].
    pub fn parse(text: &str) -> Result<Self, ModelError> {
        let mut blocks = text.split("\nTree=");
        let head = blocks.next().filter(|head| head.trim_start().starts_with("tree"));
        let head = head.ok_or(ModelError::Unknown)?;
        if field(head, "num_class").is_some_and(|classes| classes != "1") {
            return Err(ModelError::Unsupported("a model of several classes"));
        }
        let last = field(head, "max_feature_idx").and_then(|text| text.parse::<usize>().ok());
        let features = last.ok_or(ModelError::Unknown)?.saturating_add(1);
        within("features", features, FEATURES_MAX)?;
        let mut trees = Vec::new();
        for (place, block) in blocks.enumerate() {
            within("trees", place + 1, TREES_MAX)?;
            trees.push(tree(block, place, features)?);
        }
        Ok(Self { features, trees })
    }

    /// The score of an item as LightGBM computes it: the yardstick that integers are held against.
    pub fn predict(&self, values: &[f32]) -> f64 {
        self.trees.iter().map(|tree| tree.predict(values)).sum()
    }
}

impl Tree {
    fn predict(&self, values: &[f32]) -> f64 {
        let mut at = if self.splits.is_empty() { !0 } else { 0 };
        while let Ok(place) = usize::try_from(at) {
            let Some(split) = self.splits.get(place) else { return f64::NAN };
            at = split.next(values.get(split.feature).copied().unwrap_or(f32::NAN));
        }
        self.leaves.get(!at as usize).copied().unwrap_or(f64::NAN)
    }
}

impl Split {
    fn next(&self, value: f32) -> i32 {
        let mut value = f64::from(value);
        if value.is_nan() && self.missing != Missing::Nan {
            value = 0.0;
        }
        let missing = match self.missing {
            Missing::None => false,
            Missing::Zero => value.abs() <= 1e-35,
            Missing::Nan => value.is_nan(),
        };
        let left = if missing { self.missing_left } else { value <= self.threshold };
        if left { self.left } else { self.right }
    }
}

fn tree(block: &str, place: usize, features: usize) -> Result<Tree, ModelError> {
    if field(block, "is_linear").is_some_and(|linear| linear != "0") {
        return Err(ModelError::Unsupported("linear trees"));
    }
    let leaves: Vec<f64> = list(block, place, "leaf_value")?;
    within("leaves in a tree", leaves.len(), LEAVES_MAX)?;
    if leaves.iter().any(|value| !value.is_finite() || value.abs() > 1e6) {
        return Err(ModelError::Field { tree: place, field: "leaf_value" });
    }
    if leaves.len() < 2 {
        return Ok(Tree { splits: Vec::new(), leaves });
    }
    let of: Vec<usize> = list(block, place, "split_feature")?;
    let thresholds: Vec<f64> = list(block, place, "threshold")?;
    let kinds: Vec<u8> = list(block, place, "decision_type")?;
    let left: Vec<i32> = list(block, place, "left_child")?;
    let right: Vec<i32> = list(block, place, "right_child")?;
    let count = leaves.len() - 1;
    if [of.len(), thresholds.len(), kinds.len(), left.len(), right.len()] != [count; 5] {
        return Err(ModelError::Field { tree: place, field: "split_feature" });
    }
    let mut splits = Vec::with_capacity(count);
    for at in 0..count {
        if kinds[at] & 1 != 0 {
            return Err(ModelError::Unsupported("a categorical feature"));
        }
        if of[at] >= features || thresholds[at].is_nan() {
            return Err(ModelError::Field { tree: place, field: "threshold" });
        }
        splits.push(Split {
            feature: of[at],
            threshold: thresholds[at],
            missing: match kinds[at] >> 2 & 3 {
                1 => Missing::Zero,
                2 => Missing::Nan,
                _ => Missing::None,
            },
            missing_left: kinds[at] & 2 != 0,
            left: left[at],
            right: right[at],
        });
    }
    Ok(Tree { splits, leaves })
}

/// Writes a model as LightGBM would, as far as [`Model::parse`] reads it: for models made here.
pub fn to_text(model: &Model) -> String {
    use core::fmt::Write;
    let mut out = String::from("tree\nversion=v4\nnum_class=1\n");
    // Writing to a string cannot fail.
    let _ = writeln!(out, "max_feature_idx={}", model.features.saturating_sub(1));
    for (place, tree) in model.trees.iter().enumerate() {
        let _ = writeln!(out, "\nTree={place}\nnum_leaves={}\nnum_cat=0", tree.leaves.len());
        let mut line = |name: &str, values: &mut dyn Iterator<Item = String>| {
            let values: Vec<String> = values.collect();
            let _ = writeln!(out, "{name}={}", values.join(" "));
        };
        let splits = &tree.splits;
        line("split_feature", &mut splits.iter().map(|s| alloc::format!("{}", s.feature)));
        line("threshold", &mut splits.iter().map(|s| alloc::format!("{:?}", s.threshold)));
        let kind = |split: &Split| {
            let missing = match split.missing {
                Missing::None => 0,
                Missing::Zero => 1,
                Missing::Nan => 2,
            };
            alloc::format!("{}", missing << 2 | u8::from(split.missing_left) << 1)
        };
        line("decision_type", &mut splits.iter().map(kind));
        line("left_child", &mut splits.iter().map(|s| alloc::format!("{}", s.left)));
        line("right_child", &mut splits.iter().map(|s| alloc::format!("{}", s.right)));
        line("leaf_value", &mut tree.leaves.iter().map(|leaf| alloc::format!("{leaf:?}")));
    }
    out.push_str("\nend of trees\n");
    out
}
