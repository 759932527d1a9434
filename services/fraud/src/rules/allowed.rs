//! What an expression may be made of: operators, facts, lists and literals. Nothing loops, nothing calls, nothing grows, so
//! that what a rule costs is bounded by its length and by the lists that it looks into.

use cel::common::ast::{Expr, IdedExpr, operators as op};
use smol_str::SmolStr;

use super::{Lists, RulesRefused, facts::is_fact};

/// Operators on numbers, texts and truth. `+` on texts makes one of at most the expression's length and the facts in it.
const OPERATORS: [&str; 16] = [
    op::CONDITIONAL,
    op::LOGICAL_AND,
    op::LOGICAL_OR,
    op::LOGICAL_NOT,
    op::SUBSTRACT,
    op::ADD,
    op::MULTIPLY,
    op::DIVIDE,
    op::EQUALS,
    op::NOT_EQUALS,
    op::GREATER_EQUALS,
    op::LESS_EQUALS,
    op::GREATER,
    op::LESS,
    op::NEGATE,
    op::IN,
];

/// That the rule's expression is made of these only.
pub(super) fn check(rule: &SmolStr, expression: &IdedExpr, lists: &Lists) -> Result<(), RulesRefused> {
    let not_allowed = |what: &str| RulesRefused::NotAllowed {
        rule: rule.clone(),
        what: what.into(),
    };
    match &expression.expr {
        Expr::Literal(_) => Ok(()),
        Expr::Ident(name) if is_fact(name) => Ok(()),
        // Only to be looked into: lists that are added or compared cost more than they look.
        Expr::Ident(name) if lists.contains_key(name.as_str()) => Err(not_allowed("a list without `in`")),
        Expr::Ident(name) => Err(RulesRefused::UnknownVariable {
            rule: rule.clone(),
            what: name.as_str().into(),
        }),
        Expr::List(list) => list
            .elements
            .iter()
            .try_for_each(|element| check(rule, element, lists)),
        Expr::Call(call) if call.target.is_some() => Err(not_allowed(&call.func_name)),
        Expr::Call(call) if call.func_name == op::IN => {
            let is_list =
                |of: &IdedExpr| matches!(&of.expr, Expr::Ident(name) if lists.contains_key(name.as_str()));
            call.args
                .iter()
                .enumerate()
                .filter(|(place, argument)| *place == 0 || !is_list(argument))
                .try_for_each(|(_, argument)| check(rule, argument, lists))
        }
        Expr::Call(call) if OPERATORS.contains(&call.func_name.as_str()) => call
            .args
            .iter()
            .try_for_each(|argument| check(rule, argument, lists)),
        Expr::Call(call) => Err(not_allowed(&call.func_name)),
        Expr::Comprehension(_) => Err(not_allowed("a loop")),
        Expr::Select(_) | Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => {
            Err(not_allowed("a structure"))
        }
    }
}
