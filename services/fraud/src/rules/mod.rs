//! Rules that change at run time: expressions in CEL over a payment, its features and lists, with the thresholds of the
//! model's score. `docs/fraud-service.md` says how to write one.

mod allowed;
mod built_in;
mod facts;
mod refused;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, LazyLock},
};

use cel::{Context, Env, Program, Value, common::value::Val};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use smol_str::{SmolStr, format_smolstr};
use tributary_contracts::fraud::{Decision, Version};
use tributary_fraud_domain::{FEATURES, FeatureVector};
use tributary_money::Currency;

pub use built_in::built_in;
pub(crate) use facts::Facts;
use facts::{Scope, is_fact};
pub use refused::RulesRefused;

/// Version of a set's format.
pub const FORMAT: u32 = 1;

/// Largest set, in bytes.
pub const RULES_BYTES_MAX: usize = 200_000;

/// Most rules of a set.
pub const RULES_MAX: usize = 64;

/// Longest expression, in bytes.
pub const EXPRESSION_BYTES_MAX: usize = 1_000;

/// Longest name, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// Before the name of a rule that could not be applied.
const FAILED: &str = "RULE_FAILED";

static OPERATORS: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// Lists by name, ready to be looked into.
type Lists = BTreeMap<SmolStr, Box<dyn Val>>;

/// A set of rules, checked and compiled.
pub struct RuleSet {
    version: Version,
    thresholds: Thresholds,
    lists: Lists,
    rules: Vec<Rule>,
}

/// A set as it stands in its file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    format: u32,
    name: SmolStr,
    #[serde(default)]
    thresholds: Thresholds,
    #[serde(default)]
    lists: BTreeMap<SmolStr, Vec<String>>,
    rules: Vec<RuleSource>,
}

/// From which score on a payment is reviewed or declined; absent: the score does neither.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Thresholds {
    review: Option<f64>,
    decline: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleSource {
    name: SmolStr,
    when: String,
    then: Effect,
}

/// What a rule that speaks wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Effect {
    /// Let it through, whatever the score and the reviews say.
    Approve,
    /// A person has to look at it.
    Review,
    /// Not at all, whatever else speaks.
    Decline,
}

struct Rule {
    name: SmolStr,
    when: Program,
    then: Effect,
}

/// What a set says of a payment.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) decision: Decision,
    /// Names of the rules that decided.
    pub(crate) reasons: Vec<SmolStr>,
    /// The score has a part in it.
    pub(crate) by_score: bool,
}

impl fmt::Debug for RuleSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuleSet")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl RuleSet {
    /// Reads a set, checks it, compiles its expressions and tries each of them.
    ///
    /// # Errors
    /// When anything about it is not as it must be; nothing of it is used then.
    pub fn load(text: &str) -> Result<Self, RulesRefused> {
        if text.len() > RULES_BYTES_MAX {
            return Err(RulesRefused::TooLarge);
        }
        let source: Source = serde_json::from_str(text).map_err(|error| RulesRefused::Malformed {
            line: error.line(),
            column: error.column(),
        })?;
        if source.format != FORMAT {
            return Err(RulesRefused::UnsupportedFormat(source.format));
        }
        check_name(&source.name, "the set", |byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte)
        })?;
        source.thresholds.check()?;
        let lists = lists(source.lists)?;
        if source.rules.len() > RULES_MAX {
            return Err(RulesRefused::TooMany);
        }
        let mut rules: Vec<Rule> = Vec::with_capacity(source.rules.len());
        for rule in source.rules {
            if rules.iter().any(|before| before.name == rule.name) {
                return Err(RulesRefused::NameTwice(rule.name));
            }
            rules.push(Rule::compile(rule, &lists)?);
        }
        let digest = Sha256::digest(text.as_bytes());
        let hash: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let set = Self {
            version: Version {
                name: source.name,
                hash: hash.into(),
            },
            thresholds: source.thresholds,
            lists,
            rules,
        };
        set.dry_run()?;
        Ok(set)
    }

    /// Name, and hash of the text.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// Whether a rule's expression has this fact or list in it.
    pub fn looks_at(&self, name: &str) -> bool {
        self.rules
            .iter()
            .any(|rule| rule.when.references().has_variable(name))
    }

    /// A decline beats everything, an approval beats score and reviews; of these the stricter counts.
    pub(crate) fn apply(&self, facts: &Facts<'_>) -> Outcome {
        let scope = Scope {
            facts,
            lists: &self.lists,
        };
        let mut context = Context::with_env(Arc::clone(&OPERATORS));
        context.set_variable_resolver(&scope);
        let [mut approving, mut reviewing, mut declining] = [const { Vec::new() }; 3];
        for rule in &self.rules {
            match rule.speaks(&context) {
                Some(false) => {}
                Some(true) => match rule.then {
                    Effect::Approve => approving.push(rule.name.clone()),
                    Effect::Review => reviewing.push(rule.name.clone()),
                    Effect::Decline => declining.push(rule.name.clone()),
                },
                // Whatever it would have said: a person finds out.
                None => reviewing.push(format_smolstr!("{FAILED}:{}", rule.name)),
            }
        }
        let outcome = |decision, reasons, by_score| Outcome {
            decision,
            reasons,
            by_score,
        };
        if !declining.is_empty() {
            return outcome(Decision::Decline, declining, false);
        }
        if !approving.is_empty() {
            return outcome(Decision::Approve, approving, false);
        }
        match self.thresholds.of(facts.score()) {
            Decision::Approve if reviewing.is_empty() => outcome(Decision::Approve, reviewing, false),
            Decision::Approve => outcome(Decision::Review, reviewing, false),
            by_score => outcome(by_score, reviewing, true),
        }
    }

    /// Tries every rule on payments of nobody, small and large: an expression that mixes up types gives no yes or no.
    fn dry_run(&self) -> Result<(), RulesRefused> {
        let Ok(currency) = "CZK".parse::<Currency>() else {
            return Ok(());
        };
        for (number, score) in [(0.0, None), (1.0, Some(0.0)), (1e13, Some(1.0))] {
            let features = FeatureVector([number; FEATURES.len()]);
            let facts = Facts::sample(&features, score, currency);
            let scope = Scope {
                facts: &facts,
                lists: &self.lists,
            };
            let mut context = Context::with_env(Arc::clone(&OPERATORS));
            context.set_variable_resolver(&scope);
            if let Some(failed) = self.rules.iter().find(|rule| rule.speaks(&context).is_none()) {
                return Err(RulesRefused::DryRunFailed(failed.name.clone()));
            }
        }
        Ok(())
    }
}

impl Thresholds {
    fn check(&self) -> Result<(), RulesRefused> {
        let given = [self.review, self.decline];
        let between = given.iter().flatten().all(|score| (0.0..=1.0).contains(score));
        let ordered = !matches!(given, [Some(review), Some(decline)] if review > decline);
        match between && ordered {
            true => Ok(()),
            false => Err(RulesRefused::BadThreshold),
        }
    }

    fn of(&self, score: Option<f64>) -> Decision {
        let reaches =
            |threshold: Option<f64>| matches!((score, threshold), (Some(score), Some(from)) if score >= from);
        if reaches(self.decline) {
            Decision::Decline
        } else if reaches(self.review) {
            Decision::Review
        } else {
            Decision::Approve
        }
    }
}

impl Rule {
    fn compile(source: RuleSource, lists: &Lists) -> Result<Self, RulesRefused> {
        check_name(&source.name, "a rule", |byte| {
            byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_'
        })?;
        if source.when.len() > EXPRESSION_BYTES_MAX {
            return Err(RulesRefused::ExpressionTooLong(source.name));
        }
        let Ok(when) = OPERATORS.compile(&source.when) else {
            return Err(RulesRefused::ExpressionInvalid(source.name));
        };
        allowed::check(&source.name, when.expression(), lists)?;
        Ok(Self {
            name: source.name,
            when,
            then: source.then,
        })
    }

    /// None: it can't be said.
    fn speaks(&self, context: &Context<'_, '_>) -> Option<bool> {
        match self.when.execute(context) {
            Ok(Value::Bool(speaks)) => Some(speaks),
            _ => None,
        }
    }
}

fn check_name(name: &str, what: &'static str, allows: impl Fn(u8) -> bool) -> Result<(), RulesRefused> {
    let fits = (1..=NAME_BYTES_MAX).contains(&name.len())
        && name.bytes().all(allows)
        && !name.starts_with(|first: char| !first.is_ascii_alphabetic());
    match fits {
        true => Ok(()),
        false => Err(RulesRefused::BadName(what)),
    }
}

fn lists(source: BTreeMap<SmolStr, Vec<String>>) -> Result<Lists, RulesRefused> {
    let mut lists = Lists::new();
    for (name, entries) in source {
        check_name(&name, "a list", |byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'
        })?;
        if is_fact(&name) {
            return Err(RulesRefused::NameTwice(name));
        }
        let entries: Vec<Value> = entries.into_iter().map(Value::from).collect();
        let list = Value::List(Arc::new(entries))
            .try_into()
            .map_err(|_| RulesRefused::BadName("a list"))?;
        lists.insert(name, list);
    }
    Ok(lists)
}
