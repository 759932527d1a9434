//! Training of the fraud service's models, and the measure of them, from files of labelled transactions.
//!
//! The running service needs none of this: it loads artefacts. `docs/fraud.md` has the protocol and the results.

pub mod amlsim;
pub mod batch;
mod boosted;
mod error;
mod evaluation;
pub mod export;
mod forest;
pub mod handbook;
pub mod laundering;
mod logistic;
pub mod metrics;
pub mod parity;
pub mod protocol;
mod rows;
pub mod stream;
mod table;
mod trees;

pub use boosted::{BoostedTrees, FittedTrees};
pub use error::TrainingError;
pub use evaluation::{
    CHAMPION, Champion, Counts, Evaluation, LEAST_AVERAGE_PRECISION, Learner, Recipe, Row, Source, evaluate,
    evaluate_features, measure, payments, recipes, train,
};
pub use forest::{FittedForest, RandomForest, decision_tree};
pub use logistic::{Logistic, train_logistic};
pub use table::Table;
