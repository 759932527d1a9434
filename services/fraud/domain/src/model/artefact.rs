use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::{Forest, Model, ModelRefused, Scorer, Tree};
use crate::FEATURES;

/// Version of the artefact's format.
pub const FORMAT: u32 = 1;

/// Largest artefact, in bytes: what a topic takes in one record.
pub(super) const ARTEFACT_BYTES_MAX: usize = 1_000_000;

/// The artefact: the content with its hash beside it, which is over the content's bytes as they stand.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed<'a> {
    format: u32,
    /// SHA-256 in hexadecimal.
    hash: String,
    #[serde(borrow)]
    model: &'a RawValue,
}

/// What an artefact holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trained {
    pub about: About,
    /// What the model is made of, in its order.
    pub features: Vec<FeatureRef>,
    /// One for each feature; none for trees, which need none.
    pub scales: Vec<Scale>,
    pub kind: Kind,
}

/// Where a model comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    pub name: String,
    pub data: DataRange,
    /// All that was random in the training.
    pub seed: u64,
    /// Commit of the code that trained it; empty when that isn't known.
    pub commit: String,
    /// How it did on which data.
    pub measured: Vec<Measured>,
}

/// The data that a model was trained on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataRange {
    /// Name of the file or topic.
    pub source: String,
    /// First and last day, ISO 8601.
    pub from: String,
    pub to: String,
    pub payments: u64,
    pub frauds: u64,
}

/// Figures of a model on some data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    /// First and last day, ISO 8601.
    pub from: String,
    pub to: String,
    pub roc_auc: f64,
    pub average_precision: f64,
    pub card_precision_100: f64,
}

/// A feature that a model wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureRef {
    pub name: String,
    pub version: u32,
}

/// Mean and standard deviation (of the population) of a feature in the training data.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    pub mean: f64,
    pub deviation: f64,
}

/// Kind and parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Kind {
    /// Logistic regression on scaled features.
    Logistic { intercept: f64, coefficients: Vec<f64> },
    /// Gradient-boosted trees: log-odds are `base` and the sum over the trees.
    BoostedTrees { base: f64, trees: Vec<Tree> },
    /// A forest: the score is the share of trees whose leaf is above 1/2.
    Forest { trees: Vec<Tree> },
}

/// Writes an artefact.
///
/// # Errors
/// When the model can't be written down, or would be refused when it is loaded.
pub fn seal(trained: &Trained) -> Result<Vec<u8>, ModelRefused> {
    let malformed = |error: serde_json::Error| ModelRefused::Malformed {
        line: error.line(),
        column: error.column(),
    };
    let model = serde_json::value::to_raw_value(trained).map_err(malformed)?;
    let sealed = Sealed {
        format: FORMAT,
        hash: hash_of(&model),
        model: &model,
    };
    let artefact = serde_json::to_vec(&sealed).map_err(malformed)?;
    load(&artefact)?;
    Ok(artefact)
}

fn hash_of(model: &RawValue) -> String {
    let digest = Sha256::digest(model.get().as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn load(artefact: &[u8]) -> Result<Model, ModelRefused> {
    if artefact.len() > ARTEFACT_BYTES_MAX {
        return Err(ModelRefused::TooLarge);
    }
    let malformed = |error: serde_json::Error| ModelRefused::Malformed {
        line: error.line(),
        column: error.column(),
    };
    let sealed: Sealed<'_> = serde_json::from_slice(artefact).map_err(malformed)?;
    if sealed.format != FORMAT {
        return Err(ModelRefused::UnsupportedFormat(sealed.format));
    }
    if sealed.hash != hash_of(sealed.model) {
        return Err(ModelRefused::HashMismatch);
    }
    let trained: Trained = serde_json::from_str(sealed.model.get()).map_err(malformed)?;
    let features = places(&trained.features)?;
    let scales = trained.scales;
    let bad_scale = |scale: &super::Scale| {
        !scale.mean.is_finite() || !scale.deviation.is_finite() || scale.deviation <= 0.0
    };
    if scales.iter().any(bad_scale) {
        return Err(ModelRefused::BadNumber);
    }
    let scorer = match trained.kind {
        Kind::Logistic {
            intercept,
            coefficients,
        } => {
            if coefficients.len() != features.len() || scales.len() != features.len() {
                return Err(ModelRefused::Shape(
                    "features, scales and coefficients are not equally many",
                ));
            }
            if !intercept.is_finite() || coefficients.iter().any(|number| !number.is_finite()) {
                return Err(ModelRefused::BadNumber);
            }
            Scorer::Logistic {
                intercept,
                coefficients,
            }
        }
        Kind::BoostedTrees { .. } | Kind::Forest { .. } if !scales.is_empty() => {
            return Err(ModelRefused::Shape("trees take features as they are, not scaled"));
        }
        Kind::BoostedTrees { base, trees } => {
            if !base.is_finite() {
                return Err(ModelRefused::BadNumber);
            }
            let trees = Forest::try_new(&trees, &features)?;
            Scorer::Boosted { base, trees }
        }
        Kind::Forest { trees } => Scorer::Votes {
            trees: Forest::try_new(&trees, &features)?,
        },
    };
    Ok(Model {
        about: trained.about,
        hash: sealed.hash,
        features,
        scales,
        scorer,
    })
}

/// Where the features stand in a feature vector.
fn places(wanted: &[FeatureRef]) -> Result<Vec<usize>, ModelRefused> {
    if wanted.is_empty() {
        return Err(ModelRefused::Shape("the model has no features"));
    }
    let mut places = Vec::with_capacity(wanted.len());
    for (index, feature) in wanted.iter().enumerate() {
        let place = FEATURES
            .iter()
            .position(|known| known.name == feature.name)
            .ok_or(ModelRefused::UnknownFeature(index))?;
        let known = &FEATURES[place];
        if known.version != feature.version {
            return Err(ModelRefused::FeatureVersion {
                name: known.name,
                wanted: feature.version,
                found: known.version,
            });
        }
        if places.contains(&place) {
            return Err(ModelRefused::FeatureTwice(known.name));
        }
        places.push(place);
    }
    Ok(places)
}
