use serde::{Deserialize, Serialize};

use super::ModelRefused;
use crate::FEATURES;

/// Most leaves of a tree.
pub const LEAVES_MAX: usize = 1_024;

/// A binary tree in columns: node 0 is the root, a leaf's `left` is 0, and children come behind their parents.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tree {
    /// Index into the model's list of features; 0 for leaves.
    pub feature: Vec<u16>,
    /// A value up to it goes left; 0 for leaves.
    pub threshold: Vec<f64>,
    pub left: Vec<u16>,
    pub right: Vec<u16>,
    /// Of leaves: what the tree says. Of inner nodes: what it is expected to say there, for contributions.
    pub value: Vec<f64>,
}

/// All trees of a model in one row of nodes.
#[derive(Clone, Debug)]
pub(super) struct Forest {
    nodes: Vec<Node>,
    roots: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    threshold: f64,
    value: f64,
    /// 0 for leaves: no node's child is node 0.
    left: u32,
    right: u32,
    /// Index into a feature vector.
    feature: u16,
}

impl Forest {
    /// Checks the trees and lays them out; `features` says where each of the model's features stands.
    pub(super) fn try_new(trees: &[Tree], features: &[usize]) -> Result<Self, ModelRefused> {
        if trees.is_empty() {
            return Err(ModelRefused::Shape("the model has no trees"));
        }
        let mut forest = Self {
            nodes: Vec::new(),
            roots: Vec::new(),
        };
        for (index, tree) in trees.iter().enumerate() {
            forest
                .append(tree, features)
                .ok_or(ModelRefused::BrokenTree(index))??;
        }
        Ok(forest)
    }

    /// None when it is no tree.
    fn append(&mut self, tree: &Tree, features: &[usize]) -> Option<Result<(), ModelRefused>> {
        let count = tree.feature.len();
        let columns = [
            tree.threshold.len(),
            tree.left.len(),
            tree.right.len(),
            tree.value.len(),
        ];
        if count == 0 || count > 2 * LEAVES_MAX || columns.iter().any(|column| *column != count) {
            return None;
        }
        let root = u32::try_from(self.nodes.len()).ok()?;
        let mut is_child = vec![false; count];
        for node in 0..count {
            let (threshold, value) = (tree.threshold[node], tree.value[node]);
            if !threshold.is_finite() || !value.is_finite() {
                return Some(Err(ModelRefused::BadNumber));
            }
            let [left, right] = [tree.left[node], tree.right[node]];
            let leaf = left == 0 && right == 0;
            if !leaf {
                for child in [left, right].map(usize::from) {
                    // Behind its parent, so that there is no circle, and nobody else's child.
                    if child <= node || child >= count || std::mem::replace(&mut is_child[child], true) {
                        return None;
                    }
                }
            }
            let below = |child: u16| if leaf { 0 } else { root + u32::from(child) };
            self.nodes.push(Node {
                threshold,
                value,
                left: below(left),
                right: below(right),
                feature: u16::try_from(*features.get(usize::from(tree.feature[node]))?).ok()?,
            });
        }
        if is_child.iter().skip(1).any(|child| !child) {
            return None;
        }
        self.roots.push(root);
        Some(Ok(()))
    }

    pub(super) fn len(&self) -> usize {
        self.roots.len()
    }

    fn leaf(&self, root: u32, values: &[f64; FEATURES.len()]) -> f64 {
        let mut node = &self.nodes[root as usize];
        while node.left != 0 {
            node = &self.nodes[self.next(node, values)];
        }
        node.value
    }

    fn next(&self, node: &Node, values: &[f64; FEATURES.len()]) -> usize {
        let below = if values[usize::from(node.feature)] <= node.threshold {
            node.left
        } else {
            node.right
        };
        below as usize
    }

    pub(super) fn sum(&self, values: &[f64; FEATURES.len()]) -> f64 {
        self.roots.iter().map(|root| self.leaf(*root, values)).sum()
    }

    pub(super) fn votes(&self, values: &[f64; FEATURES.len()]) -> f64 {
        let votes = self.roots.iter().filter(|root| votes(self.leaf(**root, values)));
        votes.count() as f64 / self.len() as f64
    }

    /// Adds up by feature what the splits add; `leaf` gets what each tree says, in order.
    pub(super) fn explain(
        &self,
        values: &[f64; FEATURES.len()],
        weight: f64,
        added: &mut [f64; FEATURES.len()],
        mut leaf: impl FnMut(f64),
    ) {
        for root in &self.roots {
            let mut node = &self.nodes[*root as usize];
            while node.left != 0 {
                let below = &self.nodes[self.next(node, values)];
                added[usize::from(node.feature)] += weight * (below.value - node.value);
                node = below;
            }
            leaf(node.value);
        }
    }
}

/// Whether a tree whose leaf says so votes for fraud.
pub(super) fn votes(leaf: f64) -> bool {
    leaf > 0.5
}
