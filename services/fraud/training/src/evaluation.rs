//! Training and measure of the models side by side, with the book's figures beside them.

use std::fmt;

use linfa::{DatasetBase, traits::Fit};
use serde::Serialize;
use tributary_fraud_domain::{
    FEATURES, FeatureVector, Model, PUBLISHED,
    model::{About, DataRange, Kind, Measured, Trained, seal},
};

use crate::{
    BoostedTrees, Logistic, RandomForest, Table, TrainingError, decision_tree,
    handbook::Transaction,
    metrics::{Scored, average_precision, card_precision, roc_auc},
    protocol::{HISTORY_DAYS, Split, Weeks},
    stream, train_logistic,
};

/// Name of the champion among the recipes.
pub const CHAMPION: &str = "boosted-trees";

/// Below this average precision the champion isn't fit to judge payments.
pub const LEAST_AVERAGE_PRECISION: f64 = 0.70;

/// Places that an analyst has a day.
const CARDS: usize = 100;

/// Bins of boosted trees and of the decision tree.
const BINS: usize = 4_095;

/// Chapter 3 of the book, same weeks: model, ROC AUC, average precision, card precision at 100.
const BOOK: [(&str, f64, f64, f64); 4] = [
    ("logistic regression", 0.871, 0.606, 0.291),
    ("decision tree, depth 2", 0.763, 0.496, 0.241),
    ("random forest", 0.867, 0.658, 0.287),
    ("XGBoost", 0.862, 0.639, 0.273),
];

/// How a model is made.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    pub name: &'static str,
    /// Indexes into [`FEATURES`].
    pub columns: Vec<usize>,
    pub learner: Learner,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Learner {
    Logistic(Logistic),
    BoostedTrees(BoostedTrees),
    RandomForest(RandomForest),
    /// One tree of that depth.
    DecisionTree(usize),
}

/// The models that are measured. All parameters were chosen on weeks before 2018-08-01, see `docs/fraud.md`.
pub fn recipes() -> Vec<Recipe> {
    let published: Vec<usize> = (0..PUBLISHED).collect();
    let all: Vec<usize> = (0..FEATURES.len()).collect();
    let logistic = Learner::Logistic(Logistic { alpha: 1.0 });
    let boosted = Learner::BoostedTrees(BoostedTrees {
        trees: 100,
        leaves: 6,
        learning_rate: 0.05,
        l2: 1.0,
        rows_per_leaf: 10,
        bins: BINS,
        fraud_weight: 1.0,
        rows_share: 1.0,
        seed: 1,
    });
    let forest = Learner::RandomForest(RandomForest {
        trees: 100,
        leaves: 128,
        rows_per_leaf: 1,
        features_per_split: 5,
        bins: 255,
        fraud_weight: 10.0,
        seed: 1,
    });
    let recipe = |name, columns: &[usize], learner: &Learner| Recipe {
        name,
        columns: columns.to_vec(),
        learner: learner.clone(),
    };
    vec![
        recipe("logistic-published", &published, &logistic),
        recipe("decision-tree-published", &published, &Learner::DecisionTree(2)),
        recipe("forest-published", &published, &forest),
        recipe("boosted-trees-published", &published, &boosted),
        recipe("logistic", &all, &logistic),
        recipe("forest", &all, &forest),
        recipe(CHAMPION, &all, &boosted),
    ]
}

/// Where the data comes from, and who trains: for the artefact.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// Name of the file.
    pub name: String,
    /// Commit of the code; empty when it isn't known.
    pub commit: String,
}

/// A model's figures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    pub model: String,
    pub features: usize,
    pub roc_auc: f64,
    pub average_precision: f64,
    pub card_precision_100: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Counts {
    pub from: String,
    pub to: String,
    pub payments: u64,
    pub frauds: u64,
}

/// The model that would judge payments, as an artefact.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Champion {
    pub model: String,
    pub hash: String,
    pub average_precision: f64,
    pub least_average_precision: f64,
    /// Whether it is good enough.
    pub passed: bool,
    #[serde(skip)]
    pub artefact: Vec<u8>,
}

/// All models on the same weeks.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    pub train: Counts,
    /// Days that the file has before the training: with less than 37 the windows of its first payments aren't full.
    pub history_days: i64,
    /// Without the customers of whom a fraud is known.
    pub test: Counts,
    pub models: Vec<Row>,
    /// What the book prints for its own weeks; beside others it is only for scale.
    pub book: Vec<Row>,
    pub champion: Champion,
}

/// Trains all models on one week and measures them on the other.
///
/// `transactions` are in order and begin early enough for the windows: 37 days before the training.
///
/// # Errors
/// When the weeks aren't there, or a model can't be trained.
pub fn evaluate(
    transactions: &[Transaction],
    weeks: &Weeks,
    source: &Source,
) -> Result<Evaluation, TrainingError> {
    evaluate_features(transactions, &stream::features(transactions)?, weeks, source)
}

/// The same from features that somebody else has computed, such as the running service.
///
/// # Errors
/// As [`evaluate`].
pub fn evaluate_features(
    transactions: &[Transaction],
    vectors: &[FeatureVector],
    weeks: &Weeks,
    source: &Source,
) -> Result<Evaluation, TrainingError> {
    weeks.covered_by(transactions)?;
    let split = weeks.split(transactions)?;
    let data = counts(transactions, &split.train, weeks.train_from, weeks.train_to());
    let range = DataRange {
        source: source.name.clone(),
        from: data.from.clone(),
        to: data.to.clone(),
        payments: data.payments,
        frauds: data.frauds,
    };
    let mut models = Vec::new();
    let mut champion = None;
    for recipe in recipes() {
        let mut trained = train(
            &recipe,
            &payments(transactions, vectors, &split.train),
            &range,
            source,
        )?;
        let model = Model::load(&seal(&trained)?)?;
        let row = measure(&recipe, &model, transactions, vectors, &split);
        if recipe.name == CHAMPION {
            trained.about.measured.push(Measured {
                from: weeks.test_from.to_string(),
                to: weeks.test_to().to_string(),
                roc_auc: row.roc_auc,
                average_precision: row.average_precision,
                card_precision_100: row.card_precision_100,
            });
            let artefact = seal(&trained)?;
            champion = Some(Champion {
                model: recipe.name.to_owned(),
                hash: Model::load(&artefact)?.hash().to_owned(),
                average_precision: row.average_precision,
                least_average_precision: LEAST_AVERAGE_PRECISION,
                passed: row.average_precision >= LEAST_AVERAGE_PRECISION,
                artefact,
            });
        }
        models.push(row);
    }
    Ok(Evaluation {
        train: data,
        history_days: weeks.history_days(transactions),
        test: counts(transactions, &split.test, weeks.test_from, weeks.test_to()),
        models,
        book: book(),
        champion: champion.ok_or(TrainingError::Parameter("no recipe is the champion's"))?,
    })
}

/// Trains a model by its recipe.
///
/// # Errors
/// When there is nothing to learn, or parameters that make no sense.
pub fn train(
    recipe: &Recipe,
    payments: &[(&FeatureVector, bool)],
    data: &DataRange,
    source: &Source,
) -> Result<Trained, TrainingError> {
    let table = Table::new(&recipe.columns, payments.iter().copied());
    let features = table.features();
    let (seed, scales, kind) = match &recipe.learner {
        Learner::Logistic(parameters) => {
            let (scales, kind) = train_logistic(&table, *parameters)?;
            (0, scales, kind)
        }
        Learner::BoostedTrees(parameters) => {
            let fitted = parameters.fit(&DatasetBase::new(table.records, table.targets))?;
            let kind = Kind::BoostedTrees {
                base: fitted.base,
                trees: fitted.trees,
            };
            (parameters.seed, Vec::new(), kind)
        }
        Learner::RandomForest(parameters) => {
            let fitted = parameters.fit(&DatasetBase::new(table.records, table.targets))?;
            let kind = Kind::Forest { trees: fitted.trees };
            (parameters.seed, Vec::new(), kind)
        }
        Learner::DecisionTree(depth) => {
            let tree = decision_tree(&DatasetBase::new(table.records, table.targets), *depth, BINS)?;
            let kind = Kind::BoostedTrees {
                base: 0.0,
                trees: vec![tree],
            };
            (0, Vec::new(), kind)
        }
    };
    Ok(Trained {
        about: About {
            name: recipe.name.to_owned(),
            data: data.clone(),
            seed,
            commit: source.commit.clone(),
            measured: Vec::new(),
        },
        features,
        scales,
        kind,
    })
}

/// Features and labels of some rows.
pub fn payments<'a>(
    transactions: &[Transaction],
    vectors: &'a [FeatureVector],
    rows: &[usize],
) -> Vec<(&'a FeatureVector, bool)> {
    let payment = |index: &usize| (&vectors[*index], transactions[*index].fraud);
    rows.iter().map(payment).collect()
}

/// Measures a model on the test rows.
pub fn measure(
    recipe: &Recipe,
    model: &Model,
    transactions: &[Transaction],
    vectors: &[FeatureVector],
    split: &Split,
) -> Row {
    let score = |index: &usize| Scored {
        day: transactions[*index].day(),
        customer: transactions[*index].customer,
        score: model.score(&vectors[*index]),
        fraud: transactions[*index].fraud,
    };
    let scored: Vec<Scored> = split.test.iter().map(score).collect();
    let pairs: Vec<(f64, bool)> = scored
        .iter()
        .map(|payment| (payment.score, payment.fraud))
        .collect();
    Row {
        model: recipe.name.to_owned(),
        features: recipe.columns.len(),
        roc_auc: roc_auc(&pairs),
        average_precision: average_precision(&pairs),
        card_precision_100: card_precision(&scored, CARDS),
    }
}

fn counts(
    transactions: &[Transaction],
    rows: &[usize],
    from: chrono::NaiveDate,
    to: chrono::NaiveDate,
) -> Counts {
    Counts {
        from: from.to_string(),
        to: to.to_string(),
        payments: rows.len() as u64,
        frauds: rows.iter().filter(|index| transactions[**index].fraud).count() as u64,
    }
}

fn book() -> Vec<Row> {
    let row = |(model, roc_auc, average_precision, card_precision_100): (&str, f64, f64, f64)| Row {
        model: model.to_owned(),
        features: PUBLISHED,
        roc_auc,
        average_precision,
        card_precision_100,
    };
    BOOK.into_iter().map(row).collect()
}

impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, counts) in [("trained on ", &self.train), ("measured on", &self.test)] {
            let Counts {
                from,
                to,
                payments,
                frauds,
            } = counts;
            writeln!(f, "{what} {from} to {to}: {payments} payments, {frauds} frauds")?;
        }
        if self.history_days < HISTORY_DAYS {
            writeln!(
                f,
                "the file begins {} days before the training, windows reach back {HISTORY_DAYS}: not all of them are full",
                self.history_days
            )?;
        }
        writeln!(f, "\n{:<30} features  ROC AUC     AP  CP@100", "model")?;
        for row in &self.models {
            write_row(f, &row.model, row)?;
        }
        for row in &self.book {
            write_row(f, &format!("book: {}", row.model), row)?;
        }
        let Champion {
            model,
            hash,
            average_precision,
            least_average_precision,
            passed,
            ..
        } = &self.champion;
        let verdict = if *passed { "reaches" } else { "MISSES" };
        writeln!(f, "\nchampion {model}, {hash}")?;
        write!(
            f,
            "its average precision of {average_precision:.3} {verdict} the {least_average_precision:.2} that are asked of it"
        )
    }
}

fn write_row(f: &mut fmt::Formatter<'_>, name: &str, row: &Row) -> fmt::Result {
    writeln!(
        f,
        "{name:<30} {:>8}  {:>7.3}  {:.3}   {:.3}",
        row.features, row.roc_auc, row.average_precision, row.card_precision_100
    )
}
