//! What the champion's features and parameters were chosen by: variants on ten folds, all before 2018-08-01. `docs/fraud.md`
//! has the table. Takes the Handbook's file:
//!
//! `cargo run --release --package tributary-fraud-training --example validate -- FILE`

use std::{env, error::Error, path::Path};

use chrono::{Days, NaiveDate};
use tributary_fraud_domain::{
    FEATURES, Model, PUBLISHED,
    model::{DataRange, seal},
};
use tributary_fraud_training::{
    BoostedTrees, CHAMPION, Learner, Recipe, Source, handbook::Transactions, measure, payments,
    protocol::Weeks, recipes, stream, train,
};

/// First training week, and how many folds come, a week apart: the last test week ends with July.
const FIRST: (i32, u32, u32) = (2018, 5, 9);
const FOLDS: u64 = 10;

/// What is set differently.
type Change = fn(&mut BoostedTrees);

fn main() -> Result<(), Box<dyn Error>> {
    let file = env::args().nth(1).ok_or("the Handbook's file is missing")?;
    let rows = Transactions::load(Path::new(&file))?.rows;
    let vectors = stream::features(&rows)?;
    let first = NaiveDate::from_ymd_opt(FIRST.0, FIRST.1, FIRST.2).ok_or("no such day")?;
    println!("{:<48} ROC AUC     AP  CP@100  standard error of CP@100", "model");
    for (name, recipe) in variants() {
        let mut figures = Vec::new();
        for fold in 0..FOLDS {
            let from = first + Days::new(7 * fold);
            let split = Weeks::closest(from)?.split(&rows)?;
            let range = DataRange {
                source: file.clone(),
                from: from.to_string(),
                to: String::new(),
                payments: 0,
                frauds: 0,
            };
            let learnt = payments(&rows, &vectors, &split.train);
            let trained = train(&recipe, &learnt, &range, &Source::default())?;
            let model = Model::load(&seal(&trained)?)?;
            let row = measure(&recipe, &model, &rows, &vectors, &split);
            figures.push([row.roc_auc, row.average_precision, row.card_precision_100]);
        }
        let folds = FOLDS as f64;
        let mean = |index: usize| figures.iter().map(|fold| fold[index]).sum::<f64>() / folds;
        let spread = figures
            .iter()
            .map(|fold| (fold[2] - mean(2)).powi(2))
            .sum::<f64>();
        let standard_error = (spread / (folds - 1.0) / folds).sqrt();
        println!(
            "{name:<48}  {:.4}  {:.4}  {:.4}  {standard_error:.4}",
            mean(0),
            mean(1),
            mean(2)
        );
    }
    Ok(())
}

/// The recipes, and the champion's with one thing changed.
fn variants() -> Vec<(String, Recipe)> {
    let mut variants: Vec<(String, Recipe)> = recipes()
        .into_iter()
        .map(|recipe| (recipe.name.to_owned(), recipe))
        .collect();
    let changes: [(&str, Change); 9] = [
        ("l2 0.5", |p| p.l2 = 0.5),
        ("l2 2", |p| p.l2 = 2.0),
        ("0.7 of the rows for each tree", |p| p.rows_share = 0.7),
        ("leaves of 5 rows", |p| p.rows_per_leaf = 5),
        ("leaves of 20 rows", |p| p.rows_per_leaf = 20),
        ("5 leaves", |p| p.leaves = 5),
        ("8 leaves", |p| p.leaves = 8),
        ("160 trees", |p| p.trees = 160),
        ("255 bins", |p| p.bins = 255),
    ];
    let champion = recipes().into_iter().find(|recipe| recipe.name == CHAMPION);
    for (name, change) in changes {
        let Some(mut recipe) = champion.clone() else {
            continue;
        };
        if let Learner::BoostedTrees(parameters) = &mut recipe.learner {
            change(parameters);
        }
        variants.push((format!("{CHAMPION}, {name}"), recipe));
    }
    for feature in &FEATURES[PUBLISHED..] {
        let Some(mut recipe) = champion.clone() else {
            continue;
        };
        recipe
            .columns
            .retain(|column| FEATURES[*column].name != feature.name);
        variants.push((format!("{CHAMPION}, without {}", feature.name), recipe));
    }
    variants
}
